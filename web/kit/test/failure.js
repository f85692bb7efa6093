import assert from "node:assert/strict";

import { MaciError } from "../dist/index.js";

/** The error of a promise, which has to be the kit's. */
export async function failure(promise) {
  let value;
  try {
    value = await promise;
  } catch (error) {
    assert.ok(error instanceof MaciError, `not the kit's error: ${error?.stack ?? error}`);
    return error;
  }
  return assert.fail(`it went well: ${JSON.stringify(value)}`);
}
