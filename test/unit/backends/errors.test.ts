import { expect, test } from 'vitest'
import {
  BackendError,
  type BackendErrorKind,
  toNotReadable,
  toTransferResult,
} from '../../../core/backends/errors.ts'

const file = { source: { id: 's', name: 'data', path: '/data' }, path: 'a' }
const params = { name: 'nas', reason: 'why' }
const ofFile = { path: '/data/a' }
const say = (word: string, more: object = {}) => ({
  key: `transfer.objects.${word}`,
  params: { ...more, ...params },
})
const retry = (cause: string, reason: object | null) => ({ kind: 'retry', cause, reason })

test.each<[BackendErrorKind, object, string | null]>([
  ['lost', { kind: 'lost' }, null],
  ['absent', retry('file', null), 'ENOENT'],
  ['exists', retry('file', null), 'exists: why'],
  ['full', retry('destination', say('full')), 'full: why'],
  ['denied', retry('destination', say('denied')), 'denied: why'],
  ['impossible', { kind: 'rejected', reason: say('impossible', ofFile) }, 'impossible: why'],
  ['tooLarge', retry('file', say('tooLarge', ofFile)), 'tooLarge: why'],
  ['damaged', retry('file', say('damaged', ofFile)), 'damaged: why'],
  ['cold', retry('file', say('cold', ofFile)), 'COLD'],
  ['failed', retry('suspect', say('failed')), 'failed: why'],
])(
  'backend error %s: the sender retries by the contract, and a reader skips the content or ends',
  (kind, sent, read) => {
    const error = new BackendError(kind, 'why')
    expect(toTransferResult(error, 'nas', file)).toEqual(sent)
    expect(toNotReadable(error)?.message ?? null).toBe(read)
  },
)
