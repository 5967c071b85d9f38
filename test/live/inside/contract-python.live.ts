// The microvm host keeps the contract, in real microVMs: Python.

import { describePart } from "./contract.ts";

describePart("code", "python");
