import { describe, expect, it } from 'vitest'
import {
  createLineSplitter,
  formatEvent,
  LONGEST_LINE,
  parseCommand,
  quote,
  reply,
  splitQuoted,
} from '../../../core/check/stdio/stdio-protocol.ts'

function answer(line: string, quoted = false): string {
  const command = parseCommand(line, { quoted })
  if (command.verb === 'refused') return formatEvent(command.reply, { quoted }).trimEnd()
  return command.verb === 'start' ? `start:${command.path}:${command.intervalMs}` : `stop:${command.path}`
}

describe('stdio commands', () => {
  it.each([
    ['start /path 10', 'start:/path:10000'],
    ['start relative/path 1', 'start:relative/path:1000'],
    ['start /path 3600', 'start:/path:3600000'],
    ['start /path 10 ', 'start:/path:10000'],
    ['stop /path', 'stop:/path'],
    ['start', 'start - 22 path is required'],
    ['start ', 'start - 22 path is required'],
    ['start  /path 10', 'start - 22 path is required'],
    ['start P', 'start P 22 interval is required'],
    ['start P  10', 'start P 22 interval is required'],
    ['start P x', 'start P 22 invalid interval'],
    ['start P 1.5', 'start P 22 invalid interval'],
    ['start P 0x10', 'start P 22 invalid interval'],
    ['start P 0', 'start P 22 interval out of range'],
    ['start P -1', 'start P 22 interval out of range'],
    ['start P 3601', 'start P 22 interval out of range'],
    ['start P 99999999999999999999999', 'start P 22 interval out of range'],
    ['start P 10 more', 'start P 22 unexpected argument'],
    ['stop', 'stop - 22 path is required'],
    ['stop /a b', 'stop /a 22 unexpected argument'],
    ['foo', 'foo - 22 unknown command'],
    ['foo bar baz', 'foo - 22 unknown command'],
    ['START P 1', 'START - 22 unknown command'],
    ['', '- - 22 command is required'],
    [' start P 1', '- - 22 command is required'],
    ['start a\0b 10', 'start - 22 invalid path'],
  ])('the line %j gives %s', (line, expected) => {
    expect(answer(line)).toBe(expected)
  })

  it.each([
    ['start "/a b" 10', 'start:/a b:10000'],
    ['stop "/a \\"b\\" \\\\ \\n\\x41"', 'stop:/a "b" \\ \nA'],
    ['start /plain 10', 'start:/plain:10000'],
    ['start "" 10', 'start - 22 path is required'],
    ['start "/a b 10', '- - 22 invalid quoting'],
    ['start "/a\\q" 10', '- - 22 invalid quoting'],
    ['start "/a"b 10', '- - 22 invalid quoting'],
    ['start "/a b"', 'start "/a b" 22 interval is required'],
    ['stop "/a b" c', 'stop "/a b" 22 unexpected argument'],
  ])('the line %j gives %s with --quoted', (line, expected) => {
    expect(answer(line, true)).toBe(expected)
  })

  it('a quoted path is parsed back unchanged, whatever its characters', () => {
    const seed = Math.floor(Math.random() * 2 ** 31)
    let state = seed
    const random = (below: number) => {
      state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff
      return state % below
    }
    for (let round = 0; round < 2_000; round += 1) {
      const length = 1 + random(12)
      const path = Array.from({ length }, () => String.fromCharCode(1 + random(255))).join('')
      const line = `stop ${quote(path)} end`
      expect(line, `seed ${seed}`).not.toMatch(/[\r\n]/)
      expect(splitQuoted(line), `seed ${seed}`).toEqual(['stop', path, 'end'])
    }
    expect(formatEvent(reply('stop', '/a b', 0, 'stopped'), { quoted: false })).toBe('stop /a b 0 stopped\n')
  })
})

describe('stdio line splitter', () => {
  const split = (...chunks: string[]) => {
    const splitter = createLineSplitter()
    const lines = chunks.flatMap((chunk) => splitter.push(Buffer.from(chunk, 'latin1')))
    return [...lines, ...splitter.end()].map((line) =>
      line.kind === 'too long' ? 'TOO LONG' : line.text.length > 100 ? line.text.length : line.text,
    )
  }

  it.each([
    [['a\nb\n'], ['a', 'b']],
    [['a\r\nb\r\n'], ['a', 'b']],
    [
      ['a', 'b', '\n', 'c'],
      ['ab', 'c'],
    ],
    [
      ['a\r', '\nb'],
      ['a', 'b'],
    ],
    [['\n\n'], ['', '']],
    [['a\rb\n'], ['a\rb']],
    [[''], []],
    [['caf\xe9\n'], ['caf\xe9']],
  ])('the chunks %j give the lines %j', (chunks, lines) => {
    expect(split(...chunks)).toEqual(lines)
  })

  it('a line over the limit is replaced by a too-long report, and the next line is read', () => {
    const longest = 'x'.repeat(LONGEST_LINE)
    expect(split(`${longest}\nnext\n`)).toEqual([LONGEST_LINE, 'next'])
    expect(split(`${longest}\r\nnext\n`)).toEqual([LONGEST_LINE, 'next'])
    expect(split(`${longest}y\nnext\n`)).toEqual(['TOO LONG', 'next'])
    expect(split(...Array.from({ length: 100 }, () => 'z'.repeat(10_000)), '\nnext\n')).toEqual([
      'TOO LONG',
      'next',
    ])
    expect(split('w'.repeat(70_000))).toEqual(['TOO LONG'])
  })
})
