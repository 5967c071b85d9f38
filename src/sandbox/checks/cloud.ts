// Is there a key for the cloud backend? Whether it is accepted, the first sandbox tells.

import { type Finding, missing } from "./finding.ts";

const check = "cloud key";

export function checkCloudKey(apiKey: string | undefined): Finding {
  return apiKey === undefined
    ? missing(check, "MSB_API_KEY is not set", "Set it to the key of your microsandbox account.")
    : { check, status: "ok", found: "MSB_API_KEY is set" };
}
