// Sends the eight test cases by OTLP gRPC to `host:port` and prints how many spans that were.

import { DiagConsoleLogger, DiagLogLevel, diag } from "@opentelemetry/api";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-grpc";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { BasicTracerProvider, BatchSpanProcessor } from "@opentelemetry/sdk-trace-base";

import { SCHEMA_URL } from "../../../schema/otel_voice_schema/versions/2026-11-25/otel-voice.ts";
import { Call } from "./call.ts";
import { CASES } from "./cases.ts";

const target = process.argv[2];
if (target === undefined) {
  console.error("usage: node . <host:port>");
  process.exit(2);
}
diag.setLogger(new DiagConsoleLogger(), DiagLogLevel.WARN);

const provider = new BasicTracerProvider({
  resource: resourceFromAttributes({ "service.name": "node-peer" }),
  spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter({ url: `http://${target}` }))],
});
const tracer = provider.getTracer("node-peer", "0.0.0", { schemaUrl: SCHEMA_URL });
const startMs = Date.now() - 120_000;
let sent = 0;
for (const { id, workflow, play } of CASES) {
  const call = new Call(tracer, startMs, id, workflow);
  play(call);
  sent += call.sent;
}
await provider.forceFlush(); // fails where the endpoint did not take them
await provider.shutdown();
console.log(sent);
