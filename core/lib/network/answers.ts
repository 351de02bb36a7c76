import type { Readable } from 'node:stream'
import { defer } from '../../defer.ts'

// Answers of servers: the ways to log in that they name, and limits, because a server may send without an end, or a
// little from time to time. The content of a file has the limit of its size instead.

/** Longest answer about one thing, or with an error. */
export const MOST_ANSWER_BYTES = 1024 * 1024
/** Time limit of an answer after its first line, in milliseconds. */
export const ANSWER_MS = 1_800_000

/** An answer is longer, or lasts longer, than any that a server needs. */
export class EndlessAnswer extends Error {
  override readonly name = 'EndlessAnswer'
}

/** Returns a function that counts the bytes of an answer. It throws EndlessAnswer beyond `most`. */
export function limitBytes(most = MOST_ANSWER_BYTES): (bytes: number) => void {
  let left = most
  return (bytes) => {
    left -= bytes
    if (left < 0) throw new EndlessAnswer(`an answer of more than ${most} bytes`)
  }
}

/** Yields the body of an answer, and ends its connection beyond the limits. @throws EndlessAnswer; the stream's error. */
export async function* readAnswer(body: Readable, most = MOST_ANSWER_BYTES): AsyncGenerator<Uint8Array> {
  const count = limitBytes(most)
  const timer = setTimeout(() => body.destroy(new EndlessAnswer('the answer does not end')), ANSWER_MS)
  using _ = defer(() => clearTimeout(timer))
  for await (const piece of body) {
    count(piece.length)
    yield piece
  }
}

/** Returns the schemes of logins that a challenge offers (RFC 9110, 11.6.1), such as "Digest". */
export function parseLoginSchemes(challenge = ''): string[] {
  // A scheme is followed by parameters, or by the next one; a text in quotes may contain anything.
  const plain = challenge.replace(/"(?:[^"\\]|\\.)*"/g, '""')
  const found = plain.matchAll(/(?:^|,)\s*([!#$%&'*+.^`|~\w-]+)(?=\s+[^\s=,]|\s*(?:,|$))/g)
  return [...found].map(([, scheme = '']) => scheme.replace(/^basic$/i, 'Basic'))
}
