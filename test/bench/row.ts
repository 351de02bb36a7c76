/** One line of a benchmark's table. */
export interface Row {
  metric: string
  value: number
  /** The least and the greatest value of all runs, if `value` is their median. */
  range?: [least: number, greatest: number]
  unit: string
  /** What the same work took the peer, measured in the same run; null where there is no peer. */
  reference: { name: string; value: number; range?: [least: number, greatest: number] } | null
  /** The ratio value/reference that is aimed at, or the value where there is no reference; null: no aim yet. */
  target: { atMost: number } | { atLeast: number } | null
}

export interface MeasuredRow extends Row {
  ratio: number | null
  met: boolean | null
}

/** Adds what follows from a row: its ratio to the reference, and whether the aim is met. */
export function measure(row: Row): MeasuredRow {
  const ratio = row.reference === null ? null : row.value / row.reference.value
  const compared = ratio ?? row.value
  const met =
    row.target === null
      ? null
      : 'atMost' in row.target
        ? compared <= row.target.atMost
        : compared >= row.target.atLeast
  return { ...row, ratio, met }
}

/** Characters of each column; a longer text moves the rest of its own line only, as lines are printed one by one. */
const WIDTHS = [54, 8, 9, 30, 6, 8, 3]
const toColumns = (cells: readonly string[]): string =>
  cells
    .map((cell, column) => cell.padEnd(WIDTHS[column] ?? 0))
    .join('  ')
    .trimEnd()

export const HEADING = toColumns(['metric', 'value', 'unit', 'reference', 'ratio', 'target', 'met'])

/** A row as a line below the heading. */
export function toLine({ metric, value, unit, reference, ratio, target, met }: MeasuredRow): string {
  return toColumns([
    metric,
    number(value),
    unit,
    reference === null ? '-' : `${number(reference.value)} (${reference.name})`,
    ratio === null ? '-' : ratio.toFixed(2),
    target === null ? '-' : 'atMost' in target ? `≤ ${target.atMost}` : `≥ ${target.atLeast}`,
    met === null ? '-' : met ? 'yes' : 'NO',
  ])
}

/**
 * Returns the rows as tables for a document: one with a line for each program that is compared and a column for each
 * metric, and one of the metrics that have no reference.
 */
export function toMarkdown(rows: readonly MeasuredRow[]): string {
  const figure = ({ value, range }: Pick<Row, 'value' | 'range'>, unit: string) => {
    const runs = range === undefined ? '' : ` (${range.map(number).join('–')})`
    return `${number(value)}${unit === '' ? '' : ` ${unit}`}${runs}`
  }
  const compared = rows.filter(({ reference }) => reference !== null)
  const metrics = [...new Set(compared.map(({ metric }) => metric))]
  const names = [...new Set(compared.map(({ reference }) => reference?.name ?? ''))]
  const at = (metric: string, name?: string) =>
    compared.find((row) => row.metric === metric && (name === undefined || row.reference?.name === name))
  const own = metrics.map((metric) => {
    const row = at(metric)
    return row === undefined ? '' : figure(row, row.unit)
  })
  const others = names.map((name) => [
    name,
    ...metrics.map((metric) => {
      const row = at(metric, name)
      return row?.reference ? figure(row.reference, row.unit) : ''
    }),
  ])
  const alone = rows.filter(({ reference }) => reference === null)
  return [
    ...(compared.length === 0 ? [] : [toTable([['', ...metrics], ['Holdfast', ...own], ...others])]),
    ...(alone.length === 0
      ? []
      : [toTable([['measured', 'figure'], ...alone.map((row) => [row.metric, figure(row, row.unit)])])]),
  ].join('\n\n')
}

function toTable(lines: readonly (readonly string[])[]): string {
  const widths = (lines[0] ?? []).map((_, column) =>
    Math.max(3, ...lines.map((line) => line[column]?.length ?? 0)),
  )
  const [first = '', ...rest] = lines.map(
    (line) => `| ${line.map((text, column) => text.padEnd(widths[column] ?? 0)).join(' | ')} |`,
  )
  return [first, `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`, ...rest].join('\n')
}

function number(value: number): string {
  return value.toLocaleString(
    'en',
    value < 1000 ? { maximumSignificantDigits: 3 } : { maximumFractionDigits: 0 },
  )
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
}

/** Returns the median of the runs of a program, with the least and the greatest of them. */
export function spread(values: readonly number[]): { value: number; range: [number, number] } {
  return { value: median(values), range: [Math.min(...values), Math.max(...values)] }
}

/** The value below which this part of all values lies. */
export function quantile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN
}
