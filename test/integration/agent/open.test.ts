import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { sendCommand } from '../../../core/agent/control-socket.ts'
import { stateSnapshotSchema } from '../../../core/agent/state/schema.ts'
import { startHoldfast } from '../../support/cli/processes.ts'
import { canMount, mountTmpfs } from '../../support/faults/mounts.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { readTree } from '../../support/trees.ts'
import { until } from '../../support/until.ts'

const readState = async (data: string) =>
  stateSnapshotSchema.parse(await sendCommand(data, 'snapshot', {})).state

describe('agent of a data directory', () => {
  it('three simultaneous starts leave one agent; the others end with 1', { tags: 'story' }, async () => {
    const data = temporaryDirectory('one')
    const started = Array.from({ length: 3 }, () => startHoldfast(['agent', '--data', data]))
    await until(
      'two of them to end',
      () => started.filter(({ child }) => child.exitCode !== null).length === 2,
    )
    const running = started.filter(({ child }) => child.exitCode === null)
    expect(running).toHaveLength(1)
    for (const one of started.filter(({ child }) => child.exitCode !== null)) {
      expect(one.child.exitCode).toBe(1)
      expect(one.err()).toContain(`already running for ${data}. Stop it first, or let it do the work`)
    }
    await until('the third to answer', async () => (await readState(data)).host === 'terminal')
  })

  it('a second start hands its directories to the running agent', { tags: 'story' }, async () => {
    const data = temporaryDirectory('hand')
    const source = temporaryDirectory('hand-source')
    startHoldfast(['agent', '--data', data])
    await until('the agent to answer', async () => (await readState(data)).host === 'terminal')
    // Its thread would create it: without an alert or a change none runs.
    expect(existsSync(path.join(data, 'alerts.db'))).toBe(false)
    const second = startHoldfast(['agent', '--data', data, source])
    expect(await second.ended()).toBe(0)
    expect((await readState(data)).sources.map(({ settings }) => settings.path)).toEqual([source])
  })

  it('a second start hands over valid directories and reports each one that is refused', async () => {
    const data = temporaryDirectory('hand')
    const source = temporaryDirectory('hand-source')
    startHoldfast(['agent', '--data', data])
    await until('the agent to answer', async () => (await readState(data)).host === 'terminal')
    const second = startHoldfast(['agent', '--data', data, '/nowhere/one', source, '/nowhere/two'])
    expect(await second.ended()).toBe(1)
    for (const one of ['one', 'two']) expect(second.err()).toContain(`/nowhere/${one} does not exist`)
    expect((await readState(data)).sources.map(({ settings }) => settings.path)).toEqual([source])
  })

  it("a receiver's store, and a directory inside it, are refused: files would be sent into themselves for ever", async () => {
    const data = temporaryDirectory('hand')
    const store = temporaryDirectory('others-store')
    startHoldfast(['receive', '--store', store, '--host', '127.0.0.1', '--port', '0'])
    await until('the store', () => existsSync(path.join(store, '.holdfast/manifest.db')))
    mkdirSync(path.join(store, 'pc/photos'), { recursive: true })
    const inner = path.join(store, 'pc')
    const agent = startHoldfast(['agent', '--data', data, store, inner])
    await until('both refusals', () => agent.err().split('where copies are kept').length === 3)
    expect(agent.err()).toContain(`${store} is a Holdfast store`)
    expect(agent.err()).toContain(`${inner} is inside ${store}`)
  })

  it('a directory that is already protected with other settings is refused with a message', async () => {
    const data = temporaryDirectory('hand')
    const source = temporaryDirectory('hand-source')
    const agent = (...options: string[]) => startHoldfast(['agent', '--data', data, ...options, source])
    const first = agent()
    await until('the source', async () => (await readState(data)).sources.length === 1)
    expect(first.out()).not.toContain('No folder is protected')
    expect(await agent().ended()).toBe(0)
    const batch = agent('--prefix', 'DC')
    expect(await batch.ended()).toBe(1)
    expect(batch.err()).toContain(`${source} is already protected as`)
    expect(batch.err()).toContain(
      'with other settings (batch folders, prefix, one file system). Nothing was changed.',
    )
    expect(batch.err()).toContain('Remove it, then add it again.')
    expect((await readState(data)).sources[0]?.settings.kind).toBe('continuous')
  })

  it('a source that contains its own store is not run, even if the settings file names it', async () => {
    const outer = temporaryDirectory('outer')
    const data = path.join(outer, 'data')
    mkdirSync(data)
    writeFileSync(path.join(outer, 'seed'), 'seed')
    const sources = [{ id: 'a', path: outer, name: 'outer' }]
    writeFileSync(path.join(data, 'settings.json'), JSON.stringify({ version: 1, sources }))
    startHoldfast(['agent', '--data', data])
    const state = await until('the refusal', async () => {
      const now = await readState(data)
      return now.status.level === 'attention' ? now : null
    })
    expect(state.status.detail?.key).toBe('refuse.containsStore')
    expect(state.totals.waitingFiles).toBe(0)
  })
})

describe('`holdfast send --once` with the receiver on this computer', () => {
  it('all files are in the store when success is reported', async () => {
    const data = temporaryDirectory('once')
    const source = temporaryDirectory('once-source')
    for (const name of ['a', 'b', 'c']) writeFileSync(path.join(source, name), name.repeat(300_000))
    const once = startHoldfast(['send', '--once', '--data', data, source])
    expect(await once.ended(), once.err()).toBe(0)
    expect(once.out()).toContain('3 files are copied, on this computer only')
    const store = path.join(data, 'store')
    expect(Object.values(readTree(store)).sort()).toEqual(Object.values(readTree(source)).sort())
  })

  it.each([
    ['agent', ''],
    ['send', '--once', ''],
    ['send', '--once', '--data', '', '/tmp'],
    ['receive', '--store', ''],
    ['verify', ''],
  ])('an empty argument, as from an unset variable, is refused as a directory: %s %s', async (...words) => {
    const command = startHoldfast(words)
    expect(await command.ended()).toBe(2)
    expect(command.err()).toContain('It must not be empty')
  })

  it('a file that cannot be sent is named, and the exit code is 1', { tags: 'story' }, async () => {
    const data = temporaryDirectory('once')
    const source = temporaryDirectory('once-source')
    writeFileSync(path.join(source, 'good'), 'good')
    writeFileSync(Buffer.concat([Buffer.from(`${source}/bad`), Buffer.from([0xff])]), 'bad')
    const once = startHoldfast(['send', '--once', '--data', data, source])
    expect(await once.ended()).toBe(1)
    expect(once.err()).toContain('not valid UTF-8')
    expect(once.err()).toContain('1 file is not sent')
  })
})

describe.skipIf(!canMount)('full data directory (needs root: tmpfs)', () => {
  it('the agent keeps running, answers commands, and reports the failure', { tags: 'story' }, async () => {
    const small = await mountTmpfs(onTestFinished, { megabytes: 2 })
    const data = path.join(small.point, 'data')
    mkdirSync(data)
    const source = temporaryDirectory('full')
    startHoldfast(['agent', '--data', data, source])
    await until('the source', async () => (await readState(data)).sources[0]?.checked?.overall.kind === 'ok')
    fill(path.join(small.point, 'filler'))
    for (let index = 0; index < 50; index += 1)
      writeFileSync(path.join(source, `file${index}`), 'x'.repeat(1000))
    const state = await until('the trouble to be told', async () => {
      const now = await readState(data)
      return now.status.level === 'attention' ? now : null
    })
    expect(state.sources[0]?.checked?.overall.kind).toBe('ok')
  })
})

function fill(file: string): void {
  for (let size = 1024 * 1024; size >= 1; size = Math.floor(size / 2)) {
    try {
      for (;;) writeFileSync(file, Buffer.alloc(size), { flag: 'a' })
    } catch {
      // Full for pieces of this size: smaller ones take the rest.
    }
  }
}
