import { Writable } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { createEventOutput, createLogOutput } from '../../../core/check/stdio/serve-stdio.ts'
import { formatEvent, reply, wellEvent } from '../../../core/check/stdio/stdio-protocol.ts'
import { flushPromises } from '../../support/check/clock.ts'

/** A parent that reads only when the test lets it. */
function slowReader() {
  let text = ''
  let release: (() => void) | null = null
  const stream = new Writable({
    write: (chunk, _, done) => {
      text += chunk
      release = () => done()
    },
  })
  return {
    stream,
    lines: () => text.trimEnd().split('\n'),
    readAll: async () => {
      while (release !== null) {
        const next: () => void = release
        release = null
        next()
        await flushPromises()
      }
    },
  }
}

const format = (event: Parameters<typeof formatEvent>[0]) => formatEvent(event, { quoted: false })

describe('stdio event output', () => {
  it('is behind until the parent has read all events, and loses none of them', async () => {
    const { stream, lines, readAll } = slowReader()
    const output = createEventOutput(stream, format)
    let reliefs = 0
    output.onRelief(() => {
      reliefs += 1
    })
    let said = 0
    while (!output.isBehind()) {
      output.say(reply('stop', `/${said}`, 2, 'not monitoring path'))
      said += 1
    }
    expect(said).toBeLessThan(20_000)
    await flushPromises()
    expect([output.isBehind(), reliefs]).toEqual([true, 0])
    await readAll()
    expect(output.isBehind()).toBe(false)
    expect(reliefs).toBeGreaterThan(0)
    expect(lines().length).toBe(said)
  })

  it('flushes without an error when the parent is gone', async () => {
    const stream = new Writable({ write: (_, __, done) => done(new Error('EPIPE')) })
    const output = createEventOutput(stream, format)
    output.say(wellEvent('/a', 1))
    await flushPromises()
    output.say(wellEvent('/a', 2))
    output.flush()
    await flushPromises()
    expect(output.isBehind()).toBe(false)
  })
})

describe('stdio log output', () => {
  it('drops messages that are not read, and logs their number', async () => {
    const { stream, lines, readAll } = slowReader()
    const log = createLogOutput(stream)
    for (let count = 0; count < 10_000; count += 1) log('INFO', `message ${count}`)
    expect(stream.writableLength).toBeLessThan(70 * 1024)
    await readAll()
    const kept = lines().length
    log('ERROR', 'two\nlines')
    await readAll()
    expect(lines().slice(kept)).toEqual([
      `WARNING ${10_000 - kept} log messages were dropped, because they were not read`,
      'ERROR two lines',
    ])
  })
})
