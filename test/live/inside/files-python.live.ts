// The files of microVMs keep the contract, by the Python program.

import { describeMicrovmFiles } from "./files.ts";

describeMicrovmFiles("python");
