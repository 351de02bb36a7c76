import type { IsocketHost } from './connection.ts'
import type { IsocketListener, IsocketOptions } from './listener.ts'
import { openIsocket } from './listener.ts'

/** The isocket part of a receiver, which may be switched on and off while it runs. */
export interface Isocket {
  readonly port: number | null
  readonly connections: number
  /** @throws Problem when the new address cannot be listened on; the old one is listened on then, as before. */
  configure(options: IsocketOptions | null): Promise<void>
  close(): Promise<void>
}

export function createIsocket(host: IsocketHost): Isocket {
  let current: { options: IsocketOptions; listener: IsocketListener } | null = null

  const close = async (): Promise<void> => {
    const before = current
    current = null
    await before?.listener.close()
  }

  return {
    get port() {
      return current?.listener.port ?? null
    },
    get connections() {
      return current?.listener.connections ?? 0
    },
    async configure(options) {
      if (options === null) return close()
      const { options: now } = current ?? {}
      if (now?.host === options.host && now.port === options.port) return
      const listener = await openIsocket(options, host)
      await close()
      current = { options, listener }
    },
    close,
  }
}
