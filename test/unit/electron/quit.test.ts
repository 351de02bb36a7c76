import { expect, test, vi } from 'vitest'
import { createStateStore } from '../../../core/agent/state/store.ts'
import { englishWords } from '../../../core/words/words.ts'
import { stateWith } from '../../support/agent-status.ts'

interface Box {
  signal: AbortSignal
  buttons: string[]
  cancelId: number
}

/** The desktop's own box, as Electron documents it: a signal closes it as Escape does. */
const dialog = vi.hoisted(() => ({
  showMessageBox: vi.fn(({ signal, cancelId }: Box): Promise<{ response: number }> => {
    return new Promise((resolve) => signal.addEventListener('abort', () => resolve({ response: cancelId })))
  }),
}))
vi.mock('electron', () => ({ app: {}, dialog }))

const { askingFirst } = await import('../../../electron/main/quit.ts')

const transfer = (sentBytes: number) => {
  return { id: 1, source: 's', path: 'large', size: 2 ** 30, sentBytes, destination: 'd' }
}

test('the question at quit closes itself, and Holdfast quits, once no large file is half sent', async () => {
  const store = createStateStore(stateWith({ transfers: [transfer(1)] }), () => ({}))
  const quit = vi.fn()
  askingFirst(store, () => englishWords, quit)()
  store.update({ transfers: [transfer(2)] })
  await vi.waitFor(() => expect(store.snapshot().state.transfers[0]?.sentBytes).toBe(2))
  expect(quit).not.toHaveBeenCalled()
  store.update({ transfers: [] })
  await vi.waitFor(() => expect(quit).toHaveBeenCalledOnce())
  store.stop()
})

test.each([
  ['Quit', 1],
  ['Keep running', 0],
])('who is asked at quit and says %s has it', async (button, times) => {
  const store = createStateStore(stateWith({ transfers: [transfer(1)] }), () => ({}))
  const quit = vi.fn()
  const answered = Promise.withResolvers<void>()
  dialog.showMessageBox.mockImplementationOnce(async ({ buttons }) => {
    setTimeout(answered.resolve)
    return { response: buttons.indexOf(button) }
  })
  askingFirst(store, () => englishWords, quit)()
  await answered.promise
  expect(quit).toHaveBeenCalledTimes(times)
})
