/** A board as we write it, in the types of Grafana's newest schema. */
import type { Dashboard, Panel, VariableModel } from '@grafana/schema';
import type * as heatmap from '@grafana/schema/dist/esm/raw/composable/heatmap/panelcfg/x/HeatmapPanelCfg_types.gen';
import type * as stat from '@grafana/schema/dist/esm/raw/composable/stat/panelcfg/x/StatPanelCfg_types.gen';
import type * as table from '@grafana/schema/dist/esm/raw/composable/table/panelcfg/x/TablePanelCfg_types.gen';
import type * as text from '@grafana/schema/dist/esm/raw/composable/text/panelcfg/x/TextPanelCfg_types.gen';
import type * as timeseries from '@grafana/schema/dist/esm/raw/composable/timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen';

/** JSON has an enum's value where TypeScript wants its name. */
type Plain<T> = T extends string
  ? `${T}`
  : T extends (infer Each)[]
    ? Plain<Each>[]
    : T extends object
      ? { [Key in keyof T]: Plain<T[Key]> }
      : T;
/** A plugin fills in what a board leaves out. */
type Partly<T> = T extends (infer Each)[] ? Each[] : T extends object ? { [Key in keyof T]?: Partly<T[Key]> } : T;
type Of<Type, Options, Fields> = Plain<Omit<Panel<Record<string, unknown>, Partly<Fields>>, 'type' | 'options'>> & {
  type: Type;
  options?: Plain<Partly<Options>>;
};
/** Which the table had until Grafana 12.1, and newer ones read over. */
type Footer = { footer: { countRows: boolean; reducer: string[]; show: boolean } };

type Variable = Plain<VariableModel>;
/** Which Grafana reads, and its schema does not name. */
type Interval = Variable & { type: 'interval'; auto: boolean; auto_count: number; auto_min: string };

export type Board = Plain<Omit<Dashboard, 'annotations' | 'panels' | 'templating'>> & {
  annotations?: { list?: Mark[] };
  templating?: { list: (Variable | Interval)[] };
  panels: (
    | Of<'heatmap', heatmap.Options, heatmap.FieldConfig>
    | Of<'stat', stat.Options, object>
    | Of<'table', table.Options & Footer, table.FieldConfig>
    | Of<'text', text.Options, object>
    | Of<'timeseries', timeseries.Options, timeseries.FieldConfig>
  )[];
};
/** What Grafana's Prometheus package still takes of an old annotation query. */
type Mark = Omit<Plain<NonNullable<NonNullable<Dashboard['annotations']>['list']>[number]>, 'target'> & {
  expr: string;
  step: string;
  textFormat: string;
  titleFormat: string;
  useValueForTime: boolean;
};
