import { Fragment } from 'react'
import { withKeys } from './with-keys.ts'

/** Shows a sentence in which paths wrap after a slash rather than inside a word. */
export function Breakable({ text }: { text: string }) {
  const parts = withKeys(text.split(/(?<=[/\\])/), (part) => part)
  return parts.map(({ key, item }, index) => (
    <Fragment key={key}>
      {index > 0 && <wbr />}
      {item}
    </Fragment>
  ))
}
