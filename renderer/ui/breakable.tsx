import { Fragment } from 'react'

/** A sentence whose paths are broken after a slash before they are broken inside a word. */
export function Breakable({ text }: { text: string }) {
  return text.split(/(?<=[/\\])/).map((part, index) => (
    // biome-ignore lint/suspicious/noArrayIndexKey: a part is known by its place alone.
    <Fragment key={index}>
      {index > 0 && <wbr />}
      {part}
    </Fragment>
  ))
}
