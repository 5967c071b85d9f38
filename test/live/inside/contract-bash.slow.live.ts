// The microvm host keeps the contract, in real microVMs: bash. By name only, as the link keeps it on this machine in every run of all tests.

import { describePart } from "./contract.ts";

describePart("code", "bash");
