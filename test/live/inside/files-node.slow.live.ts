// The files of microVMs keep the contract, by the Node program: the same one that namespace sandboxes have in every run of all tests, so by name.

import { describeMicrovmFiles } from "./files.ts";

describeMicrovmFiles("node");
