/** Draws a board as far as Grafana's packages go: what each panel would say, out of a real Prometheus, as JSON. */
import * as data from '@grafana/data';
import { PrometheusDatasource, type PromQuery } from '@grafana/prometheus';
import { setBackendSrv, setDataSourceSrv, setTemplateSrv } from '@grafana/runtime';
import * as scenes from '@grafana/scenes';
import type { Dashboard, Panel } from '@grafana/schema';
import { firstValueFrom, lastValueFrom } from 'rxjs';

import { Server, stepOf } from './backend';

/** What is asked on stdin: a board, what is chosen at its top (else what it begins with), where Prometheus is, and when. */
type Question = { board: Dashboard; chosen: Record<string, string | string[]>; url: string; from_ms: number; to_ms: number };
type Target = PromQuery & { query?: string };

/** The plain options of a field's config, with Grafana's own processors; a panel's own ones are in its plugin. */
function fieldOptions() {
  const { identityOverrideProcessor: as, numberOverrideProcessor: number, stringOverrideProcessor: text } = data;
  const process = {
    color: as, decimals: number, displayName: data.displayNameOverrideProcessor, links: data.dataLinksOverrideProcessor,
    mappings: data.valueMappingsOverrideProcessor, max: number, min: number, noValue: text,
    thresholds: data.thresholdsOverrideProcessor, unit: data.unitOverrideProcessor,
  }; // prettier-ignore
  const items = Object.entries(process).map(([id, done]) => {
    return { id, path: id, name: id, process: done, shouldApply: () => true, settings: {} };
  });
  return new data.Registry(() => items as never) as unknown as data.FieldConfigOptionsRegistry;
}

/** A board's variables with what is chosen. */
function variables(board: Dashboard, chosen: Question['chosen']): scenes.SceneVariable[] {
  return (board.templating?.list ?? []).map((each) => {
    const value = chosen[each.name] ?? each.current?.value ?? '';
    const told = { name: each.name, value, text: value, query: each.query as never };
    switch (each.type) {
      case 'query':
        return new scenes.QueryVariable({ ...told, isMulti: each.multi, includeAll: each.includeAll, allValue: each.allValue });
      case 'interval':
        return new scenes.IntervalVariable({ name: each.name, value: value as string, intervals: String(each.query).split(',') });
      case 'datasource':
        return new scenes.ConstantVariable({ name: each.name, value: 'prom' });
      default:
        return new scenes.TextBoxVariable({ name: each.name, value: value as string });
    }
  });
}

data.standardTransformersRegistry.setInit(
  () =>
    [...new Set(Object.values(data.standardTransformers))].map((each) => {
      return { id: each.id, name: each.name, transformation: async () => each, editor: () => null };
    }) as never,
);

/** Grafana with one board open. */
class Front {
  private readonly server: Server;
  private readonly scene: scenes.EmbeddedScene;
  private readonly source: PrometheusDatasource;
  private readonly range: data.TimeRange;
  private readonly theme = data.createTheme();
  private readonly options = fieldOptions();
  private readonly replace = (text?: string, scoped?: data.ScopedVars, format?: string | Function) =>
    scenes.sceneGraph.interpolate(this.scene, text, scoped, format as never);

  constructor(private readonly question: Question) {
    const [from, to] = [data.dateTime(question.from_ms), data.dateTime(question.to_ms)];
    this.range = { from, to, raw: { from, to } };
    this.server = new Server(question.url);
    this.scene = new scenes.EmbeddedScene({
      $timeRange: new scenes.SceneTimeRange({ from: from.toISOString(), to: to.toISOString() }),
      $variables: new scenes.SceneVariableSet({ variables: variables(question.board, question.chosen) }),
      body: new scenes.SceneFlexLayout({ children: [] }),
    });
    const templates = { replace: this.replace, getVariables: () => [], containsTemplate: () => true, updateTimeRange: () => undefined };
    const settings = { id: 1, uid: 'prom', type: 'prometheus', name: 'prom', url: '/', access: 'proxy', jsonData: {}, meta: {} };
    setTemplateSrv(templates as never);
    setBackendSrv(this.server.service());
    setDataSourceSrv({ getInstanceSettings: () => settings, getList: () => [settings] } as never);
    this.source = new PrometheusDatasource(settings as never, templates as never);
  }

  /** What the choosers at the top offer. */
  async offered(): Promise<Record<string, string[]>> {
    const support = this.source.variables as data.CustomVariableSupport<PrometheusDatasource>;
    const found: Record<string, string[]> = {};
    for (const each of this.question.board.templating?.list ?? []) {
      if (each.type === 'query') {
        const request = { targets: [{ query: each.query, refId: 'V' }], range: this.range, scopedVars: {} };
        const { data: values } = await firstValueFrom(support.query(request as never));
        found[each.name] = (values as data.MetricFindValue[]).map((one) => one.text);
      }
    }
    return found;
  }

  /** What a panel says. */
  async panel(panel: Panel) {
    const targets = (panel.targets ?? []) as unknown as Target[];
    const before = this.server.asked.length;
    if (targets.some((each) => each.query !== undefined)) {
      return { traceql: targets.map((each) => this.replace(each.query, {}, 'pipe')) };
    }
    const frames = await this.frames(targets.map((each) => ({ ...each, datasource: undefined })), panel.interval);
    const moved = await firstValueFrom(data.transformDataFrame((panel.transformations ?? []) as never, frames));
    const drawn = data.applyFieldOverrides({
      data: moved,
      fieldConfig: panel.fieldConfig as never,
      fieldConfigRegistry: this.options,
      replaceVariables: this.replace as never,
      theme: this.theme,
    });
    return { asked: this.server.asked.slice(before), ...this.said(panel, drawn) };
  }

  private said(panel: Panel, drawn: data.DataFrame[]): object {
    if (panel.type === 'stat') {
      const reduceOptions = panel.options!.reduceOptions as data.ReduceDataOptions;
      const told = { data: drawn, fieldConfig: panel.fieldConfig as never, reduceOptions, theme: this.theme };
      const found = data.getFieldDisplayValues({ ...told, replaceVariables: this.replace as never });
      return { cells: found.map(({ display }) => [display.title ?? '', data.formattedValueToString(display)]) };
    }
    const columns = drawn.flatMap((frame) => frame.fields.map((field) => ({ field, name: data.getFieldDisplayName(field, frame, drawn) })));
    if (panel.type === 'table') {
      const lines = Array.from({ length: drawn[0]?.length ?? 0 }, (_, at) =>
        columns.map(({ field }) => ({ field, value: field.values[at] })),
      );
      const values = lines.map((line) => line.map(({ value }) => value ?? null));
      const rows = lines.map((line) => line.map(({ field, value }) => data.formattedValueToString(field.display!(value))));
      const links = columns.map(({ field }) => (field.getLinks?.({ valueRowIndex: 0 }) ?? []).map((link) => link.href));
      return { columns: columns.map(({ name }) => name), rows, values, links };
    }
    return { series: columns.filter(({ field }) => field.type === 'number').map(({ name, field }) => [name, field.values.length]) };
  }

  /** The events of an annotation query of a board, as the packages move old ones into today's form. */
  async events(annotation: object) {
    const support = this.source.annotations as Required<data.AnnotationSupport<PromQuery>>;
    const prepared = support.prepareAnnotation({ ...annotation });
    const frames = await this.frames([{ ...(prepared.target as Target), refId: 'Anno' }], (prepared.target as Target).interval);
    const events = frames.length ? await lastValueFrom(support.processEvents(prepared, frames), { defaultValue: [] }) : [];
    const said = events!.map(({ time, timeEnd, title, text, tags }) => ({ time, timeEnd, title, text, tags }));
    return { prepared, asked: this.server.asked.at(-1), events: said };
  }

  private async frames(targets: Target[], least?: string): Promise<data.DataFrame[]> {
    const step = stepOf(this.range, least);
    const request = { targets, range: this.range, scopedVars: {}, requestId: 'Q', app: 'dashboard', timezone: 'utc', startTime: 0 };
    const answer = await lastValueFrom(this.source.query({ ...request, ...step, maxDataPoints: 1000 } as never));
    return answer.data as data.DataFrame[];
  }
}

/** Panels with those in collapsed rows, without the rows. */
function flat(panels: Panel[]): Panel[] {
  return panels.flatMap((each) => (each.type === 'row' ? flat((each as { panels?: Panel[] }).panels ?? []) : [each]));
}

async function main(): Promise<void> {
  let text = '';
  for await (const part of process.stdin) {
    text += part;
  }
  const questions = JSON.parse(text) as Question[];
  const answers = [];
  for (const question of questions) {
    const front = new Front(question);
    const panels: Record<string, object> = {};
    for (const panel of flat((question.board.panels ?? []) as Panel[])) {
      panels[`${panel.id}`] = { title: panel.title, type: panel.type, ...(await front.panel(panel)) };
    }
    const annotations = [];
    for (const each of question.board.annotations?.list ?? []) {
      annotations.push(await front.events(each));
    }
    answers.push({ offered: await front.offered(), panels, annotations });
  }
  process.stdout.write(JSON.stringify(answers), () => process.exit(0));
}

main().catch((problem) => {
  process.stderr.write(`${problem?.stack ?? problem}\n`, () => process.exit(1));
});
