// Writes what came of each test as a line of JSON, which the Go test reads.

export default async function* report(events) {
  for await (const { type, data } of events) {
    if (!["test:pass", "test:fail"].includes(type) || data.nesting !== 1) continue;
    const { error, duration_ms } = data.details;
    const cause = error?.cause ?? error;
    const failure = type === "test:fail" && { error: String(cause?.stack ?? cause) };
    yield `${JSON.stringify({ name: data.name, skipped: data.skip, ms: Math.round(duration_ms), ...failure })}\n`;
  }
}
