import { expect, test } from 'vitest'
import { message } from '../../../core/lib/i18n/message.ts'
import { NetworkPart } from '../../../renderer/features/settings/network-part.tsx'
import { destinationState, emptyState } from './fake-state.ts'
import { renderWords } from './rendered.tsx'

test('network settings: a failure of the proxy is below its address', () => {
  const base = emptyState()
  const address = 'http://proxy.lan:3128'
  const settings = { ...base.settings, proxy: { ...base.settings.proxy, use: 'address' as const, address } }
  const words = (key: 'proxy.unreachable' | 'problem.other') => {
    const problem = message(key, { proxy: 'proxy.lan', address: 'nas:7766', reason: 'ETIMEDOUT' })
    const connection = { state: 'unreachable' as const, since: 0, problem }
    const destinations = [destinationState('well'), destinationState('nas', { connection })]
    const proxy = { address, hasPassword: false }
    return renderWords(<NetworkPart state={emptyState({ settings, proxy, destinations })} />)
  }
  expect(words('proxy.unreachable')).toMatch(
    /go through http:\/\/proxy\.lan:3128\. The proxy proxy\.lan, on the/,
  )
  expect(words('problem.other')).not.toContain('ETIMEDOUT')
})
