import net from 'node:net'
import { onTestFinished } from 'vitest'

/** What lsocket.client of isocket says and waits for, step by step; it believes whatever ends its waiting. */
export interface IsocketClient {
  readonly socket: net.Socket
  /** The next line without its end; null: the connection is over. */
  line(): Promise<string | null>
  write(bytes: string | Uint8Array): void
  /** One file as the client sends it; gives both answers. */
  send(path: string, content: Uint8Array): Promise<[string | null, string | null]>
  /** "end" or "reset", or null while it is open. */
  over(): 'end' | 'reset' | null
}

export async function openIsocketClient(port: number, host = '127.0.0.1'): Promise<IsocketClient> {
  const socket = net.connect(port, host)
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve)
    socket.once('error', reject)
  })
  onTestFinished(() => void socket.destroy())
  let text = ''
  let over: 'end' | 'reset' | null = null
  let wake: () => void = () => undefined
  socket.on('data', (bytes) => {
    text += bytes.toString('latin1')
    wake()
  })
  socket.on('error', () => {
    over = 'reset'
  })
  for (const event of ['end', 'close'] as const)
    socket.on(event, () => {
      over ??= 'end'
      wake()
    })
  const line = async (): Promise<string | null> => {
    for (;;) {
      const end = text.indexOf('\n')
      if (end >= 0) {
        const one = text.slice(0, end)
        text = text.slice(end + 1)
        return one
      }
      if (over !== null) return null
      await new Promise<void>((resolve) => {
        wake = resolve
      })
    }
  }
  const write = (bytes: string | Uint8Array) => void socket.write(bytes)
  return {
    socket,
    line,
    write,
    async send(path, content) {
      write(`FILE:${path}:${content.length}\n`)
      const asked = await line()
      write(content)
      return [asked, await line()]
    },
    over: () => over,
  }
}
