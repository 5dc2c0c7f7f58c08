// What `rollgate docs grafana` may print, in Grafana's own published types: a dashboard whose panels are rows and
// timeseries, the timeseries with their options and field options spelled out instead of "any record".
import type { Dashboard, FieldConfig, GraphFieldConfig, Panel, RowPanel } from '@grafana/schema';
import type { Options } from '@grafana/schema/dist/esm/raw/composable/timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen';

export interface Target {
  refId: string;
  datasource: { type: 'prometheus'; uid: string };
  expr: string;
  legendFormat: string;
  editorMode: 'code';
  range: boolean;
}

export interface Timeseries extends Omit<Panel, 'type' | 'options' | 'fieldConfig' | 'targets'> {
  type: 'timeseries';
  options: Options;
  targets: Target[];
  fieldConfig: {
    defaults: Omit<FieldConfig, 'custom'> & { custom: GraphFieldConfig };
    overrides: Array<{ matcher: { id: string; options?: string }; properties: Array<{ id: string; value?: unknown }> }>;
  };
}

export interface Row extends Omit<RowPanel, 'panels'> {
  panels: Timeseries[];
}

export interface Written extends Omit<Dashboard, 'panels'> {
  panels: Array<Timeseries | Row>;
}

// JSON has no enums: a string enum is read as the union of its values.
export type Json<T> = T extends string
  ? `${T}`
  : T extends Array<infer U>
    ? Array<Json<U>>
    : T extends object
      ? { [K in keyof T]: Json<T[K]> }
      : T;
