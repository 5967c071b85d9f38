// The microvm host keeps the contract, in real microVMs: its sandboxes come and go as promised.

import { describePart } from "./contract.ts";

describePart("host", "python");
