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

/** The rows as a table of plain text, one line each, numbers to the right. */
export function table(rows: readonly MeasuredRow[]): string {
  const heading = ['metric', 'value', 'unit', 'reference', 'ratio', 'target', 'met']
  const cells = rows.map((row) => [
    row.metric,
    number(row.value),
    row.unit,
    row.reference === null ? '-' : `${number(row.reference.value)} (${row.reference.name})`,
    row.ratio === null ? '-' : row.ratio.toFixed(2),
    row.target === null ? '-' : 'atMost' in row.target ? `≤ ${row.target.atMost}` : `≥ ${row.target.atLeast}`,
    row.met === null ? '-' : row.met ? 'yes' : 'NO',
  ])
  const widths = heading.map((title, column) =>
    Math.max(title.length, ...cells.map((line) => line[column]?.length ?? 0)),
  )
  return [heading, ...cells]
    .map((line) =>
      line
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

/** Returns the rows as a table for a document, with the range of the runs where it was measured. */
export function toMarkdown(rows: readonly MeasuredRow[]): string {
  const cell = ({ value, range }: Pick<Row, 'value' | 'range'>, unit: string) => {
    const spread = range === undefined ? '' : ` (${range.map(number).join('–')})`
    return `${number(value)}${unit === '' ? '' : ` ${unit}`}${spread}`
  }
  const lines = rows.map((row) => [
    row.metric,
    cell(row, row.unit),
    row.reference?.name ?? '',
    row.reference === null ? '' : cell(row.reference, row.unit),
    row.ratio === null ? '' : row.ratio.toFixed(2),
  ])
  const heading = ['measured', 'Holdfast', 'compared with', 'its figure', 'ratio']
  const all = [heading, ...lines]
  const widths = heading.map((_, column) => Math.max(...all.map((line) => line[column]?.length ?? 0)))
  const [first = '', ...rest] = all.map(
    (line) => `| ${line.map((text, column) => text.padEnd(widths[column] ?? 0)).join(' | ')} |`,
  )
  return [first, `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`, ...rest].join('\n')
}

function number(value: number): string {
  return value.toLocaleString('en', { maximumSignificantDigits: value < 1000 ? 3 : 6 })
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
}

/** The value below which this part of all values lies. */
export function quantile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN
}
