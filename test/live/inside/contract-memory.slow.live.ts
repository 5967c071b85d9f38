// The microvm host keeps the contract, in real microVMs: commands, one that takes all memory among them. By name only: without room for what a guest has
// open, its kernel reads programs again and again, for minutes where it is emulated.

import { describePart } from "./contract.ts";

describePart("commands", "python", { takesMemory: true });
