// The executable that makes a listening socket on a sandbox's loopback, from outside: enters its network, and sends the socket back. Nothing of it
// stays in the sandbox, so nothing there can end it or take its place.

import { type Architecture, thisArchitecture } from "../filter/architectures.ts";
import { assembleLauncher, type Data, type Step } from "./assemble.ts";
import { namespaceTypes } from "./launcher.ts";
import { encoders, stepsFor } from "./steps.ts";

export type Listener = {
  readonly architecture?: Architecture;
  /** On 127.0.0.1. */
  readonly port: number;
};

/** Where the launcher inherits the socket that the answer is sent through. */
export const answerDescriptor = 3;

const [inet, stream] = [2, 1]; // AF_INET, SOCK_STREAM
/** Connections that wait to be taken. */
const backlog = 64;
/** A number that is known beforehand, for a message that is laid out beforehand. */
const sentDescriptor = 10;
const [socketLevel, rights] = [1, 1]; // SOL_SOCKET, SCM_RIGHTS

const [ownerSlot, netSlot, socketSlot] = [0, 1, 2];

/** Its command line: itself, paths of the namespaces `owner` and `net`, "". */
export function listenerLauncherBytes({ architecture = thisArchitecture(), port }: Listener): Uint8Array {
  const { step, open } = stepsFor(architecture, socketSlot);
  const steps = [
    open({ argument: 1 }, ownerSlot, "the sandbox's namespace owner cannot be opened"),
    open({ argument: 2 }, netSlot, "the sandbox's network cannot be opened"),
    step("setns", [{ slot: ownerSlot }, namespaceTypes.owner], "the sandbox's namespace owner cannot be entered"),
    step("setns", [{ slot: netSlot }, namespaceTypes.net], "the sandbox's network cannot be entered"),
    ...listeningSteps(architecture, port),
  ];
  return assembleLauncher(encoders[architecture], steps, 3);
}

/** In whatever network the process is. Port 0: one that is free. */
export function listeningSteps(architecture: Architecture, port: number): readonly Step[] {
  const { step } = stepsFor(architecture, socketSlot);
  const socket = { slot: socketSlot };
  return [
    { ...step("socket", [inet, stream, 0], "no socket can be had"), saveAs: socketSlot },
    step("bind", [socket, address(port), 16], `port ${port} of the sandbox's loopback cannot be had`),
    step("listen", [socket, backlog], "the sandbox's loopback cannot be listened to"),
    step("dup3", [socket, sentDescriptor, 0], "the socket cannot be handed over"),
    step("sendmsg", [answerDescriptor, message(), 0], "the socket cannot be handed over"),
    step("exit_group", [0], null),
  ];
}

/** struct sockaddr_in. */
function address(port: number): { readonly data: Data } {
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, inet, true);
  view.setUint16(2, port);
  bytes.set([127, 0, 0, 1], 4);
  return { data: { bytes } };
}

/** struct msghdr: nothing but a descriptor, in a struct cmsghdr. */
function message(): { readonly data: Data } {
  const control = new Uint8Array(24);
  const controlView = new DataView(control.buffer);
  controlView.setUint32(0, 20, true);
  controlView.setUint32(8, socketLevel, true);
  controlView.setUint32(12, rights, true);
  controlView.setUint32(16, sentDescriptor, true);
  const bytes = new Uint8Array(56);
  new DataView(bytes.buffer).setUint32(40, control.length, true);
  return { data: { bytes, pointer: { at: 32, to: control } } };
}
