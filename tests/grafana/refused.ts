/** What the compiler must refuse in a board. */
import type { Board } from './board';

const drawn = { defaults: { custom: { drawStyle: 'dots' } }, overrides: [] } as const;
const place = { gridPos: { x: 0, y: 0, w: 1, h: 1 } };
export const boards: Board[] = [
  { schemaVersion: 42, panels: [{ ...place, type: 'stat', options: { colorMode: 'value' } }] },
  // @ts-expect-error no such panel
  { schemaVersion: 42, panels: [{ ...place, type: 'stats' }] },
  // @ts-expect-error no such colour mode
  { schemaVersion: 42, panels: [{ ...place, type: 'stat', options: { colorMode: 'loud' } }] },
  // @ts-expect-error no such option of a table
  { schemaVersion: 42, panels: [{ ...place, type: 'table', options: { colorMode: 'value' } }] },
  // @ts-expect-error a key of interval variables in older schemas
  { schemaVersion: 42, panels: [], templating: { list: [{ name: 'ds', type: 'datasource', auto: false }] } },
  // @ts-expect-error no such style
  { schemaVersion: 42, panels: [{ ...place, type: 'timeseries', fieldConfig: drawn }] },
];
