import { expect, onTestFinished, test, vi } from 'vitest'
import { logDroppedErrors } from '../../../core/dropped-errors.ts'
import { openThread } from '../../../core/lib/workers/thread.ts'

interface Sums {
  add: { input: number; output: number }
  fail: { input: string; output: null }
  take: { input: Uint8Array<ArrayBuffer>; output: Uint8Array<ArrayBuffer> }
  exit: { input: number; output: null }
  hang: { input: null; output: null }
  drop: { input: string; output: null }
}

const wrapper = new URL('../../../core/lib/workers/thread.ts', import.meta.url)
const dropped = new URL('../../../core/dropped-errors.ts', import.meta.url)

/** A thread that adds up. */
function sums(onNews: (news: unknown) => void = () => undefined) {
  const script = `
    import { parentPort, workerData } from 'node:worker_threads'
    import { WithTransfer, serveThread, tellOwner } from '${wrapper}'
    import { warnUnlessCode } from '${dropped}'
    let sum = workerData
    serveThread(parentPort, {
      async add(number) { const before = sum; await null; sum = before + number; return sum },
      fail(code) { throw Object.assign(new Error('it failed'), { code }) },
      take: (bytes) => new WithTransfer(bytes, [bytes.buffer]),
      exit: (code) => process.exit(code),
      hang: () => new Promise(() => undefined),
      drop: (code) => warnUnlessCode(Object.assign(new Error(), { code }), ['ENOENT'], 'nothing is lost', null),
    }, () => tellOwner(parentPort, 'closed'))`
  const data = new URL(`data:text/javascript,${encodeURIComponent(script)}`)
  const thread = openThread<Sums>(data, { data: 10, youngMb: 2, onNews })
  onTestFinished(async () => void (await thread.close()))
  return thread
}

test('worker thread: calls run one after another in order, and an error comes back with its code', async () => {
  const thread = sums()
  const added = Promise.all([1, 2, 3].map((number) => thread.call('add', number)))
  expect(thread.unanswered).toBe(3)
  expect(await added).toEqual([11, 13, 16])
  await expect(thread.call('fail', 'EROFS')).rejects.toMatchObject({ message: 'it failed', code: 'EROFS' })
  expect(thread.unanswered).toBe(0)
})

test('worker thread: an error dropped in the thread is logged by its owner', async () => {
  const lines: string[] = []
  logDroppedErrors((level, text) => lines.push(`${level} ${text}`), false)
  const thread = sums()
  await thread.call('drop', 'ENOENT')
  await thread.call('drop', 'EIO')
  expect(lines).toEqual(['warn EIO dropped: nothing is lost'])
})

test('worker thread: a buffer is transferred to the thread and back', async () => {
  const thread = sums()
  const bytes = new Uint8Array(4096).fill(7)
  const back = thread.call('take', bytes, [bytes.buffer])
  expect(bytes.length).toBe(0)
  expect(await back).toEqual(new Uint8Array(4096).fill(7))
})

test('worker thread: a thread that exits fails its pending calls, and the next call restarts it', async () => {
  const thread = sums()
  const lost = [thread.call('exit', 3), thread.call('add', 1)]
  for (const call of lost) await expect(call).rejects.toThrow('its thread ended')
  expect(await thread.call('add', 5)).toBe(15)
})

test('worker thread: an idle thread ends after a minute, and the next call restarts it', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  onTestFinished(() => void vi.useRealTimers())
  const news = Promise.withResolvers<unknown>()
  const thread = sums((said) => news.resolve(said))
  const slow = thread.call('add', 1)
  vi.advanceTimersByTime(61_000)
  expect(await slow).toBe(11)
  vi.advanceTimersByTime(59_000)
  expect(await thread.call('add', 1)).toBe(12)
  vi.advanceTimersByTime(61_000)
  expect(await news.promise).toBe('closed')
  expect(await thread.call('add', 5)).toBe(15)
})

test('worker thread: closing waits for earlier calls, but not for a call that hangs', async () => {
  const news: unknown[] = []
  const thread = sums((said) => news.push(said))
  const last = thread.call('add', 1)
  expect(await thread.close()).toBe(true)
  expect(await last).toBe(11)
  expect(news).toEqual(['closed'])
  await expect(thread.call('add', 1)).rejects.toThrow('its thread is closed')
  const hanging = sums()
  void hanging.call('hang', null)
  expect(await hanging.close()).toBe(false)
})
