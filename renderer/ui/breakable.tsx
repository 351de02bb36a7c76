import { Fragment } from 'react'
import { withKeys } from './with-keys.ts'

/** A sentence whose paths are broken after a slash before they are broken inside a word. */
export function Breakable({ text }: { text: string }) {
  const parts = withKeys(text.split(/(?<=[/\\])/), (part) => part)
  return parts.map(({ key, item }, index) => (
    <Fragment key={key}>
      {index > 0 && <wbr />}
      {item}
    </Fragment>
  ))
}
