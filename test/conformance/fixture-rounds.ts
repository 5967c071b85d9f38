// The tools of 2026-07-28 that end in another round: input that a client has to bring, and capabilities it has to have.

import type { Result } from "@modelcontextprotocol/sdk/types.js";
import { isRecord, metaOf } from "../../src/mcp/messages.ts";
import { ProtocolError } from "../../src/mcp/tool.ts";
import {
  elicit,
  inputRequired,
  listRoots,
  type Params,
  responseTo,
  sample,
  signState,
  stepOf,
} from "./fixture-input.ts";

const askName = elicit("What is your name?", { name: "string" });
const askConfirmation = elicit("Please confirm", { ok: "boolean" });

export const rounds: Readonly<Record<string, (params: Params) => Result>> = {
  test_input_required_result_elicitation(params) {
    const response = responseTo(params, "user_name");
    if (response === undefined) return inputRequired({ user_name: askName });
    const name = isRecord(response.content) ? response.content.name : undefined;
    return text(`Hello, ${String(name)}!`);
  },
  test_input_required_result_sampling(params) {
    const response = responseTo(params, "capital_question");
    if (response !== undefined) return text(JSON.stringify(response.content));
    return inputRequired({ capital_question: sample("What is the capital of France?", 100) });
  },
  test_input_required_result_list_roots(params) {
    const response = responseTo(params, "client_roots");
    return response === undefined ? inputRequired({ client_roots: listRoots }) : text(JSON.stringify(response.roots));
  },
  test_input_required_result_request_state(params) {
    const isConfirmed = stepOf(params) === "confirm" && responseTo(params, "confirm") !== undefined;
    return isConfirmed ? text("state-ok") : inputRequired({ confirm: askConfirmation }, signState("confirm"));
  },
  test_input_required_result_tampered_state(params) {
    const isConfirmed = stepOf(params) === "tamper" && responseTo(params, "confirm") !== undefined;
    return isConfirmed ? text("state-ok") : inputRequired({ confirm: askConfirmation }, signState("tamper"));
  },
  test_input_required_result_multiple_inputs(params) {
    const asked = { user_name: askName, greeting: sample("Generate a greeting", 50), client_roots: listRoots };
    const isComplete = Object.keys(asked).every((key) => responseTo(params, key) !== undefined);
    return isComplete && stepOf(params) === "many" ? text("All there.") : inputRequired(asked, signState("many"));
  },
  test_input_required_result_multi_round(params) {
    const step = stepOf(params);
    if (step === "two" && responseTo(params, "step2") !== undefined) return text("Done.");
    if (step === "one" && responseTo(params, "step1") !== undefined) {
      return inputRequired(
        { step2: elicit("Step 2: What is your favorite color?", { color: "string" }) },
        signState("two"),
      );
    }
    return inputRequired({ step1: elicit("Step 1: What is your name?", { name: "string" }) }, signState("one"));
  },
  test_input_required_result_capabilities(params) {
    const { sampling, elicitation } = capabilitiesOf(params);
    return inputRequired({
      ...(sampling !== undefined && { question: sample("What is the capital of France?", 100) }),
      ...(elicitation !== undefined && { user_name: askName }),
    });
  },
  test_missing_capability(params) {
    if (capabilitiesOf(params).sampling !== undefined) return text("Sampling is there.");
    const data = { requiredCapabilities: { sampling: {} } };
    throw new ProtocolError(-32021, "Missing required client capability: sampling", { data });
  },
};

function capabilitiesOf(params: Params): Params {
  const capabilities = metaOf(params)?.["io.modelcontextprotocol/clientCapabilities"];
  return isRecord(capabilities) ? capabilities : {};
}

function text(text: string): Result {
  return { content: [{ type: "text", text }] };
}
