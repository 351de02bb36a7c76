import type { Events } from '../../core/agent/contract.ts'
import { dropError, ignoreError } from '../../core/dropped-errors.ts'
import { type Message, message } from '../../core/lib/i18n/message.ts'
import type { PageSession } from './page-session.ts'

/** Pause before a refused stream is requested again. The browser itself reconnects an interrupted one. */
const STREAM_RETRY_MS = 1_000

/** The requests to the agent that serves the page. They reject with the agent's sentence if there is one. */
export interface PageServer {
  /** null: not signed in. */
  getSession(): Promise<PageSession | null>
  signIn(token: string): Promise<PageSession>
  signOut(): Promise<void>
  call(command: string, input: unknown): Promise<unknown>
  /** The diagnostics file. */
  getDiagnostics(): Promise<Blob>
  /**
   * Receives patches until the returned function is called. The first one of each connection has the present revision
   * alone.
   * @param stale is called after each interruption and each further connection, as it may be one to a new agent.
   */
  follow(patch: (patch: Events['patch']) => void, stale: () => void): () => void
}

/**
 * @param base address of the page
 * @param onSignedOut is called when a request is refused because the session has ended
 */
export function createPageServer(base: string, onSignedOut: (sentence: Message) => void): PageServer {
  const send = (path: string, method: 'GET' | 'POST' | 'DELETE', body?: unknown) =>
    fetch(new URL(path, base), {
      method,
      headers: {
        'x-holdfast': '1',
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    }).catch((error) => {
      // A browser does not report why.
      throw dropError(error, 'the sentence replaces it', message('page.interrupted'))
    })
  const ask = async (...request: Parameters<typeof send>): Promise<Response> => {
    const response = await send(...request)
    if (response.ok) return response
    const sentence = await readSentence(response)
    if (response.status === 401) onSignedOut(sentence)
    throw sentence
  }
  const getSession = async () => {
    const response = await send('api/session', 'GET')
    if (response.status === 401) return null
    if (!response.ok) throw await readSentence(response)
    return (await readOutput(response)) as PageSession
  }
  return {
    getSession,
    signIn: async (token) => {
      const response = await send('api/session', 'POST', { token })
      if (!response.ok) throw await readSentence(response)
      return (await readOutput(response)) as PageSession
    },
    signOut: async () => {
      await ask('api/session', 'DELETE')
    },
    call: async (command, input) =>
      readOutput(await ask(`api/commands/${encodeURIComponent(command)}`, 'POST', input)),
    getDiagnostics: async () => (await ask('api/diagnostics', 'GET')).blob(),
    follow(patch, stale) {
      let stream: EventSource
      let retry: ReturnType<typeof setTimeout> | undefined
      let isInterrupted = false
      const open = () => {
        stream = new EventSource(new URL('api/events', base))
        stream.addEventListener('open', () => isInterrupted && stale())
        stream.addEventListener('patch', ({ data }) => patch(JSON.parse(data)))
        stream.addEventListener('error', () => {
          isInterrupted = true
          // The snapshot that is now requested ends the session if the refusal was for that reason.
          stale()
          clearTimeout(retry)
          if (stream.readyState === EventSource.CLOSED) retry = setTimeout(open, STREAM_RETRY_MS)
        })
      }
      open()
      return () => {
        clearTimeout(retry)
        stream.close()
      }
    },
  }
}

async function readOutput(response: Response): Promise<unknown> {
  return ((await response.json()) as { output: unknown }).output
}

/** Returns the sentence of a refusal. A proxy in between may have answered without one. */
async function readSentence(response: Response): Promise<Message> {
  const answer: { sentence?: Message } | null = await response
    .json()
    .catch(ignoreError('the status replaces it', null))
  return answer?.sentence ?? message('problem.other', { reason: `HTTP ${response.status}` })
}
