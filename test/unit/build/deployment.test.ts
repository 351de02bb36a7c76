import { globSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { initialState } from '../../../core/agent/state/next-state.ts'
import { createMetrics } from '../../../core/agent/web/metrics.ts'
import type { Receiver } from '../../../core/receive/receiver.ts'
import { createMetrics as createReceiverMetrics } from '../../../core/receive/service/metrics.ts'
import { defaultSettings } from '../../../core/settings/schema.ts'
import manifest from '../../../package.json' with { type: 'json' }
import { deployedCommands } from '../../support/cli/documented.ts'

const root = path.resolve(import.meta.dirname, '../../..')
const read = (file: string) => readFileSync(path.join(root, file), 'utf8')
const workflows = globSync('.github/workflows/*.yml', { cwd: root })

/** Returns the names of the metrics of an agent and of a receiver. */
async function metricNames(): Promise<Set<string>> {
  const receiver = {
    counters: { receivedFiles: 0, receivedBytes: 0, refusedConnections: new Map(), refusedFiles: new Map() },
    connections: { senders: 0, streams: 0, isocket: 0 },
    stalledMs: 0,
    senderStates: () => [],
  }
  const pages = await Promise.all([
    createMetrics().page(initialState('terminal', '1', defaultSettings, '/store'), {}),
    (await createReceiverMetrics()).page(receiver as unknown as Receiver, 'unanswered', true),
  ])
  return new Set(pages.flatMap((page) => [...page.matchAll(/^# HELP (\w+)/gm)].map(([, name = '']) => name)))
}

test.each(['docs/prometheus/alerts.yml', 'docs/prometheus/dashboard.json'])(
  'monitoring: every metric that %s uses exists',
  async (file) => {
    const known = await metricNames()
    const used = [...read(file).matchAll(/\bholdfast_(?:agent|receiver)_\w+/g)].map(([name]) =>
      name.replace(/_(bucket|sum|count)$/, ''),
    )
    expect(used.length).toBeGreaterThan(8)
    expect(used.filter((name) => !known.has(name))).toEqual([])
  },
)

test('workflows: every action is pinned by its commit, with its version, and permissions are stated', () => {
  expect(workflows.length).toBeGreaterThan(2)
  for (const file of workflows) {
    const text = read(file)
    expect(text, file).toMatch(/^permissions:/m)
    for (const [, action] of text.matchAll(/uses: (.*)$/gm))
      expect(action, file).toMatch(/^[\w-]+\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/)
  }
})

test('workflows: every npm script that they run exists', () => {
  const scripts = workflows.flatMap((file) =>
    [...read(file).matchAll(/\bnpm run ([\w:]+)/g)].map(([, name]) => name),
  )
  expect(new Set(scripts).size).toBeGreaterThan(4)
  expect(scripts.filter((name = '') => !Object.hasOwn(manifest.scripts, name))).toEqual([])
})

test('container: its commands and those of the cloud-init example are found, for the test of the documentation', () => {
  const words = deployedCommands().map(({ file, words: [first = ''] }) => `${file} ${first}`)
  expect(words).toEqual([
    'Containerfile agent',
    'Containerfile status',
    'compose.yaml receive',
    'docs/many/cloud-init.yaml pair',
    'docs/many/cloud-init.yaml folders',
    'docs/many/cloud-init.yaml service',
  ])
})
