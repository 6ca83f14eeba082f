/** What Grafana's server does for a Prometheus data source: fills in its own variables, asks, and answers with frames. */
import type { DataFrameJSON, FieldSchema } from '@grafana/data';
import { rangeUtil } from '@grafana/data';
import type { BackendSrv, BackendSrvRequest } from '@grafana/runtime';
import { from } from 'rxjs';

type Sample = [number, string];
type Series = { metric: Record<string, string>; value?: Sample; values?: Sample[] };
type Query = { refId: string; expr: string; instant?: boolean; range?: boolean; intervalMs: number; legendFormat?: string };
export type Asked = { refId: string; expr: string; step: number; problem?: string };

const SCRAPE_MS = 60_000; // what our README tells to set
const SPECIAL: Record<string, 'NaN' | 'Inf' | 'NegInf'> = { NaN: 'NaN', '+Inf': 'Inf', '-Inf': 'NegInf' };

/** A stand-in for Grafana's server in front of the Prometheus at `url`; every query that reaches it is noted in `asked`. */
export class Server {
  readonly asked: Asked[] = [];

  constructor(private readonly url: string) {}

  /** What the packages take as their way to the server. */
  service(): BackendSrv {
    return { fetch: (request: BackendSrvRequest) => from(this.answer(request)) } as unknown as BackendSrv;
  }

  private async answer(request: BackendSrvRequest) {
    if (request.url.startsWith('/api/ds/query')) {
      return { data: await this.queries(request.data), status: 200, ok: true };
    }
    const path = request.url.replace(/^.*?\/resources\//, '');
    const told = new URLSearchParams(request.params ?? request.data ?? {});
    const answer = await fetch(`${this.url}/${path}?${told}`);
    return { data: await answer.json(), status: answer.status, ok: answer.ok };
  }

  private async queries(body: { queries: Query[]; from: string; to: string }) {
    const results: Record<string, object> = {};
    for (const query of body.queries) {
      results[query.refId] = await this.query(query, Number(body.from), Number(body.to));
    }
    return { results };
  }

  private async query(query: Query, start: number, end: number) {
    const step = query.intervalMs;
    const expr = filled(query.expr, step, end - start);
    const asked: Asked = { refId: query.refId, expr, step };
    this.asked.push(asked);
    const seconds = { time: `${end / 1000}`, start: `${start / 1000}`, end: `${end / 1000}`, step: `${step / 1000}` };
    const told = new URLSearchParams({ query: expr, ...seconds });
    const path = query.instant ? 'query' : 'query_range';
    const answer = await (await fetch(`${this.url}/api/v1/${path}`, { method: 'POST', body: told })).json();
    if (answer.status !== 'success') {
      asked.problem = answer.error;
      return { status: 400, error: answer.error, frames: [] };
    }
    const found: Series[] = answer.data.resultType === 'scalar' ? [{ metric: {}, value: answer.data.result }] : answer.data.result;
    const meta = { custom: { resultType: answer.data.resultType }, executedQueryString: `Expr: ${expr}\nStep: ${step / 1000}s` };
    const frames = found.map((series) => frame(series, query, step, meta));
    return { status: 200, frames: frames.length ? frames : [{ schema: { refId: query.refId, meta, fields: [] }, data: { values: [] } }] };
  }
}

/** The server's own variables in a query, in both ways to write them. */
function filled(expr: string, step: number, range: number): string {
  const seconds = Math.round(range / 1000);
  const own = {
    __interval_ms: `${step}`,
    __interval: `${step / 1000}s`,
    __range_ms: `${range}`,
    __range_s: `${seconds}`,
    __range: `${seconds}s`,
    __rate_interval: `${Math.max(step + SCRAPE_MS, 4 * SCRAPE_MS) / 1000}s`,
  };
  return Object.entries(own).reduce((text, [name, value]) => text.replaceAll(`$${name}`, value).replaceAll(`\${${name}}`, value), expr);
}

/** One series as a frame of its own: a time, and a value that carries the labels. */
function frame(series: Series, query: Query, step: number, meta: object): DataFrameJSON {
  const samples = series.values ?? [series.value!];
  const special: Record<string, number[]> = {};
  samples.forEach(([, text], at) => SPECIAL[text] && (special[SPECIAL[text]] ??= []).push(at));
  const legend = (query.legendFormat ?? '').replace(/\{\{\s*(.+?)\s*\}\}/g, (_, label) => series.metric[label] ?? '');
  const fields = [
    { name: 'Time', type: 'time', config: { interval: step } },
    { name: series.metric.__name__ ?? 'Value', type: 'number', labels: series.metric, config: legend ? { displayNameFromDS: legend } : {} },
  ] as FieldSchema[];
  const values = [samples.map(([at]) => at * 1000), samples.map(([, text]) => (text in SPECIAL ? null : Number(text)))];
  return { schema: { refId: query.refId, meta, fields }, data: { values, entities: [null, special] } };
}

/** How far apart the points of a panel are that is drawn 1000 points wide. */
export function stepOf(range: Parameters<typeof rangeUtil.calculateInterval>[0], least?: string) {
  return rangeUtil.calculateInterval(range, 1000, least ?? `${SCRAPE_MS / 1000}s`);
}
