// The microvm host keeps the contract, in real microVMs: commands.

import { describePart } from "./contract.ts";

describePart("commands", "python");
