// Is there a microsandbox server at an address?

/** How long it has to answer. Milliseconds. */
const answerMs = 1000;

export async function doesServerAnswer(url: string): Promise<boolean> {
  const answer = await fetch(new URL("/api/v1/health", url), { signal: AbortSignal.timeout(answerMs) }).catch(
    () => undefined,
  );
  return answer?.ok === true && (await answer.text()).includes("Service is healthy");
}
