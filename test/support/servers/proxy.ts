import { onTestFinished } from 'vitest'
import { openProxy, type ProxyOptions } from './open-proxy.ts'

export type { Refusal } from './open-proxy.ts'

/** See openProxy; for the test that runs. Its endpoint. */
export async function startProxy(endpoint: string, options: ProxyOptions): Promise<string> {
  const proxy = await openProxy(endpoint, options)
  onTestFinished(proxy.close)
  return proxy.endpoint
}
