// The microvm host keeps the contract, in real microVMs: Node.

import { describePart } from "./contract.ts";

describePart("code", "node");
