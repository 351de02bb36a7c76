/** Characters that take two terminal cells (UAX #11: wide and full-width). */
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97c\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6\u{1f300}-\u{1f64f}\u{1f680}-\u{1f6ff}\u{1f900}-\u{1f9ff}\u{20000}-\u{3fffd}]/u
/** Characters without a cell: they combine with the one before, or are invisible. */
const NONE = /[\p{Mn}\p{Me}\p{Cf}]/u

const getCharacterCells = (character: string): number =>
  WIDE.test(character) ? 2 : NONE.test(character) ? 0 : 1

/** Returns the number of terminal cells that a text takes. */
export const countCells = (text: string): number =>
  [...text].reduce((sum, one) => sum + getCharacterCells(one), 0)

/** Pads the text with spaces on the right, so that the next column is aligned. */
export const padded = (text: string, cells: number): string =>
  text + ' '.repeat(Math.max(0, cells - countCells(text)))

/** Cuts the text to the given number of cells. */
export function cutTo(text: string, cells: number): string {
  let room = cells
  let kept = ''
  for (const character of text) {
    room -= getCharacterCells(character)
    if (room < 0) break
    kept += character
  }
  return kept
}

/** Formats rows as lines: each column as wide as its widest cell, except the last. */
export function tableLines(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((cells) => countCells(cells[column] ?? ''))),
  )
  return rows.map((cells) =>
    cells
      .map((cell, column) => (column === cells.length - 1 ? cell : padded(cell, widths[column] ?? 0)))
      .join('  '),
  )
}
