import { setTimeout as delay } from 'node:timers/promises'
import { app, type BrowserWindow, dialog } from 'electron'
import type { OpenAgent } from '../../core/agent/open.ts'
import type { AppState } from '../../core/agent/state/schema.ts'
import { warnUnlessCode } from '../../core/dropped-errors.ts'
import { message } from '../../core/lib/i18n/message.ts'
import type { Words } from '../../core/lib/i18n/words.ts'
import { argumentsAgain } from './arguments.ts'
import type { LaterStarts } from './later-starts.ts'

/** A smaller file is sent before the user could answer. */
const LARGE_BYTES = 1024 * 1024

/** Maximum wait for the window's place to be written, in milliseconds. */
const KEEP_MS = 2_000

/**
 * Closes the agent first, so that the workers stop in order, then ends the process, even if calls hang. If the
 * application is started again meanwhile, it relaunches itself at the end.
 * @param window Windows announces the end of its session to a window, and not by 'before-quit'.
 * @param before resolves when its data is written.
 */
export function createQuit(
  open: OpenAgent,
  laterStarts: LaterStarts,
  window: BrowserWindow,
  before: () => Promise<void>,
): () => void {
  let quitting = false
  let again: string[] | null = null
  const end = async () => {
    const written = Promise.race([before().then(() => true), delay(KEEP_MS, false)])
    const stopped = open.agent
      .stop()
      .catch((error) => warnUnlessCode(error, [], 'the application ends though its workers did not', true))
    // Closing waits for the disk in this thread: only after all was written to it.
    const isClosed =
      (await stopped) &&
      (await written) &&
      (await open
        .close()
        .catch((error) => warnUnlessCode(error, [], 'the application ends though its agent did not', true)))
    if (again !== null) app.relaunch({ args: argumentsAgain(process.argv, app.isPackaged, again) })
    // On a hanging disk the agent's last calls would not return, and app.exit() waits for every pending call.
    if (isClosed) app.exit(0)
    else process.kill(process.pid, 'SIGKILL')
  }
  const quit = () => {
    if (quitting) return
    quitting = true
    laterStarts.answer((directories) => {
      again = [...(again ?? []), ...directories]
    })
    void end()
  }
  app.on('before-quit', (event) => {
    event.preventDefault()
    quit()
  })
  window.on('session-end', quit)
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, quit)
  app.on('window-all-closed', () => undefined)
  return quit
}

/** Asks before quitting only while large files are partly sent; the end of a session never asks. */
export function askingFirst(state: () => AppState, words: () => Words, quit: () => void): () => void {
  let isAsking = false
  const ask = async (count: number) => {
    isAsking = true
    const t = words()
    const { response } = await dialog.showMessageBox({
      type: 'question',
      message: t(message('quit.sending', { count })),
      detail: t(message('quit.sendingDetail')),
      buttons: [t(message('quit.quit')), t(message('quit.stay'))],
      defaultId: 1,
      cancelId: 1,
    })
    isAsking = false
    if (response === 0) quit()
  }
  return () => {
    const isHalfSent = ({ size, sentBytes }: AppState['transfers'][number]) =>
      size > LARGE_BYTES && sentBytes < size
    const count = state().transfers.filter(isHalfSent).length
    if (count === 0) quit()
    else if (!isAsking) void ask(count)
  }
}
