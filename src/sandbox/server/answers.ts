// The answers of the server's API that we use, as schemas: an answer is checked whole before anything is done with it.

import { type Static, Type } from "@sinclair/typebox";
import { type TypeCheck, TypeCompiler } from "@sinclair/typebox/compiler";

const OutputLine = Type.Object({ stream: Type.String(), text: Type.String() });

const RpcResult = Type.Object({ result: Type.Unknown() });
const Started = Type.String();
const Stopped = Type.String();
const Evaluated = Type.Object({ output: Type.Array(OutputLine) });
const Commanded = Type.Object({ exit_code: Type.Integer(), output: Type.Array(OutputLine) });
const Metrics = Type.Object({
  sandboxes: Type.Array(
    Type.Object({
      namespace: Type.String(),
      name: Type.String(),
      running: Type.Boolean(),
      memory_usage: Type.Optional(Type.Union([Type.Number(), Type.Null()])),
    }),
  ),
});
/** Shape 1 of the server's errors; shape 2 has an object under the same name. */
const ServerError = Type.Object({
  error: Type.Union([Type.String(), Type.Object({ code: Type.Integer(), message: Type.String() })]),
  code: Type.Optional(Type.Union([Type.Integer(), Type.Null()])),
});
const Loaded = Type.Object({ folder: Type.String(), interpreter: Type.String(), owner: Type.String() });
/** One answer of the relay: its number, the last operation it has carried out, and what has happened. */
const Page = Type.Object({
  p: Type.Integer(),
  a: Type.Integer(),
  e: Type.Array(
    Type.Union([
      Type.Tuple([
        Type.Union([Type.Literal("o"), Type.Literal("e"), Type.Literal("O"), Type.Literal("E"), Type.Literal("c")]),
        Type.Integer(),
        Type.String(),
      ]),
      Type.Tuple([
        Type.Literal("x"),
        Type.Integer(),
        Type.Union([Type.Integer(), Type.Null()]),
        Type.Union([Type.Integer(), Type.Null()]),
        Type.Boolean(),
        Type.Boolean(),
        Type.Boolean(),
      ]),
      Type.Tuple([Type.Literal("w"), Type.Integer()]),
      Type.Tuple([Type.Literal("z"), Type.Integer()]),
    ]),
  ),
});

export type Metrics = Static<typeof Metrics>;
export type OutputLine = Static<typeof OutputLine>;
export type Page = Static<typeof Page>;

/** The compiled checks; made once a host. */
export type Answers = ReturnType<typeof compileAnswers>;
export type Check<T> = { readonly name: string; is(value: unknown): value is T; firstProblem(value: unknown): string };

export function compileAnswers() {
  return {
    rpcResult: check("a JSON-RPC result", TypeCompiler.Compile(RpcResult)),
    serverError: check("an error", TypeCompiler.Compile(ServerError)),
    started: check("the answer to sandbox.start", TypeCompiler.Compile(Started)),
    stopped: check("the answer to sandbox.stop", TypeCompiler.Compile(Stopped)),
    evaluated: check("the answer to sandbox.repl.run", TypeCompiler.Compile(Evaluated)),
    commanded: check("the answer to sandbox.command.run", TypeCompiler.Compile(Commanded)),
    metrics: check("the answer to sandbox.metrics.get", TypeCompiler.Compile(Metrics)),
    loaded: check("the courier's answer", TypeCompiler.Compile(Loaded)),
    page: check("the relay's answer", TypeCompiler.Compile(Page)),
  };
}

function check<T extends Parameters<typeof TypeCompiler.Compile>[0]>(
  name: string,
  compiled: TypeCheck<T>,
): Check<Static<T>> {
  return {
    name,
    is: (value): value is Static<T> => compiled.Check(value),
    firstProblem: (value) => {
      const problem = compiled.Errors(value).First();
      return problem === undefined ? "" : `${problem.path || "/"}: ${problem.message}`;
    },
  };
}
