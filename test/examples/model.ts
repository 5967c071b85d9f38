// A model with a script, behind the two APIs that OpenAI's libraries speak (chat completions, responses): sets x, prints x + 1 in the session that
// the first result names, and answers with what it read. What it says depends on nothing but the conversation that it is sent.

export type ScriptedModel = AsyncDisposable & {
  /** For OPENAI_BASE_URL. */
  readonly url: string;
  /** What it could not understand. */
  readonly faults: readonly string[];
};

type Fields = Readonly<Record<string, unknown>>;

type Move =
  | { readonly kind: "call"; readonly id: string; readonly args: Fields }
  | { readonly kind: "say"; readonly text: string };

export function startModel(): ScriptedModel {
  const faults: string[] = [];
  const answer = async (request: Request, speak: (body: Fields) => Fields) => {
    try {
      const body = (await request.json()) as Fields;
      if (body.stream === true) throw new Error("no stream is spoken here");
      if (!JSON.stringify(body.tools ?? []).includes('"execute_code"')) throw new Error("execute_code is not offered");
      return Response.json(speak(body));
    } catch (error) {
      faults.push(String(error));
      return Response.json({ error: { message: String(error) } }, { status: 400 });
    }
  };
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    routes: {
      "/v1/chat/completions": { POST: (request) => answer(request, chatCompletion) },
      "/v1/responses": { POST: (request) => answer(request, response) },
    },
    fetch(request) {
      faults.push(`${request.method} ${request.url}`);
      return new Response("Not found", { status: 404 });
    },
  });
  return {
    url: `http://127.0.0.1:${server.port}/v1`,
    faults,
    [Symbol.asyncDispose]: () => server.stop(true),
  };
}

/** `results`: what the tools have answered so far, as the library passes it on. */
function next(results: readonly unknown[]): Move {
  const read = results.map((result) => JSON.stringify(result));
  const [first = "", second] = read;
  if (results.length === 0) return { kind: "call", id: "call_1", args: { code: "x = 41" } };
  if (second === undefined) {
    const session = /session-[0-9a-z]{5}-[0-9a-z]{24}/.exec(first)?.[0];
    if (session === undefined) throw new Error(`the first result names no session: ${first}`);
    return { kind: "call", id: "call_2", args: { code: "print(x + 1)", session_id: session } };
  }
  return { kind: "say", text: /(\d+)\\+n/.exec(second)?.[1] ?? `I cannot read ${second}` };
}

/** POST /v1/chat/completions. */
function chatCompletion({ model, messages }: Fields): Fields {
  const move = next(itemsOf(messages).flatMap(({ role, content }) => (role === "tool" ? [content] : [])));
  const message =
    move.kind === "say"
      ? { role: "assistant", content: move.text, refusal: null }
      : {
          role: "assistant",
          content: null,
          refusal: null,
          tool_calls: [
            {
              id: move.id,
              type: "function",
              function: { name: "execute_code", arguments: JSON.stringify(move.args) },
            },
          ],
        };
  return {
    id: "chatcmpl-1",
    object: "chat.completion",
    created: 1_800_000_000,
    model,
    choices: [{ index: 0, message, finish_reason: move.kind === "say" ? "stop" : "tool_calls", logprobs: null }],
    usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 },
  };
}

/** POST /v1/responses. */
function response({ model, input }: Fields): Fields {
  const move = next(itemsOf(input).flatMap(({ type, output }) => (type === "function_call_output" ? [output] : [])));
  const item =
    move.kind === "say"
      ? {
          id: "msg_1",
          type: "message",
          role: "assistant",
          status: "completed",
          content: [{ type: "output_text", text: move.text, annotations: [] }],
        }
      : {
          id: `fc_${move.id}`,
          type: "function_call",
          status: "completed",
          call_id: move.id,
          name: "execute_code",
          arguments: JSON.stringify(move.args),
        };
  return {
    id: "resp_1",
    object: "response",
    created_at: 1_800_000_000,
    model,
    status: "completed",
    error: null,
    incomplete_details: null,
    instructions: null,
    metadata: {},
    output: [item],
    parallel_tool_calls: true,
    temperature: 1,
    tool_choice: "auto",
    tools: [],
    top_p: 1,
    usage: {
      input_tokens: 1,
      input_tokens_details: { cached_tokens: 0 },
      output_tokens: 1,
      output_tokens_details: { reasoning_tokens: 0 },
      total_tokens: 2,
    },
  };
}

function itemsOf(list: unknown): readonly Fields[] {
  return Array.isArray(list) ? list : [];
}
