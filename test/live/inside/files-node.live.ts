// The files of microVMs keep the contract, by the Node program.

import { describeMicrovmFiles } from "./files.ts";

describeMicrovmFiles("node");
