import { expect, test } from 'vitest'
import { type AlertStore, KeptStore, noAlertStore } from '../../../core/alerts/store/store.ts'

const commit = { policy: null, incidents: [], entries: [] }

test('alert store: only calls that write decide whether alerts are recorded', async () => {
  const failing = new Set<string>()
  const store: AlertStore = {
    ...noAlertStore,
    call: async (call, input) => {
      if (failing.has(call)) throw new Error('late')
      return noAlertStore.call(call, input)
    },
  }
  const said: string[] = []
  const kept = new KeptStore(store, (_, { key }) => void said.push(key))
  const fail = async (call: 'load' | 'commit', isNow: boolean) => {
    if (isNow) failing.add(call)
    else failing.delete(call)
    await (call === 'load' ? kept.call('load', 0) : kept.call('commit', commit))
    return [said.splice(0), kept.isFailing]
  }
  expect(await fail('load', true)).toEqual([[], false])
  expect(await fail('commit', true)).toEqual([['alert.notKept'], true])
  await kept.call('addChanges', [])
  expect([said, kept.isFailing]).toEqual([[], true])
  expect(await fail('load', false)).toEqual([[], true])
  expect(await fail('commit', true)).toEqual([[], true])
  expect(await fail('commit', false)).toEqual([['alert.kept'], false])
})
