import { createRandom } from '../transfer/transfer.ts'
import { Disk } from './disk.ts'
import type { Op } from './op.ts'

export type Kind = 'continuous' | 'batch'

export interface Program {
  seed: number
  kind: Kind
  ops: Op[]
  /** So many of them are done before the scanner knows of the source. */
  before: number
}

const LONGEST = 70
const MAX_HANDLES = 4

/** Even seeds are programs on a continuous source, odd ones on a batch source. */
export function generate(seed: number): Program {
  const random = createRandom(seed)
  const below = (count: number) => Math.floor(random() * count)
  const pick = <T>(some: readonly [T, ...T[]]): T => some[below(some.length)] ?? some[0]
  const kind: Kind = seed % 2 === 0 ? 'continuous' : 'batch'
  const tops: [string, ...string[]] =
    kind === 'continuous' ? ['in'] : random() < 0.4 ? ['in/DC0'] : ['in/DC0', 'in/DC1', 'in/DC2']
  const disk = new Disk()
  const ops: Op[] = []

  const directory = (): string => {
    const top = random() < 0.12 ? 'out' : pick(tops)
    return [top, ...Array.from({ length: below(3) }, () => pick(['a', 'b', 'c']))].join('/')
  }
  const file = (): string => `${directory()}/${random() < 0.05 ? 'f.part' : pick(['f', 'g', 'h'])}`
  const handle = (): number => below(MAX_HANDLES)
  /** A file or a directory; of a batch source also a whole batch directory. */
  const anything = (): string => (random() < 0.55 ? file() : directory())

  const kinds: [number, () => Op][] = [
    [10, () => ({ op: 'create', path: file(), handle: handle() })],
    [6, () => ({ op: 'append', path: file(), handle: handle() })],
    [4, () => ({ op: 'rewrite', path: file(), handle: handle() })],
    [16, () => ({ op: 'write', handle: handle(), ...(random() < 0.04 ? { large: true } : {}) })],
    [12, () => ({ op: 'close', handle: handle() })],
    [12, () => ({ op: 'put', path: file() })],
    [6, () => ({ op: 'replace', path: file() })],
    [4, () => ({ op: 'truncate', path: file() })],
    [5, () => ({ op: 'unlink', path: file() })],
    [12, () => ({ op: 'mkdir', path: directory() })],
    [3, () => ({ op: 'rmtree', path: directory() })],
    [3, () => ({ op: 'swap', path: anything() })],
    [14, () => ({ op: 'rename', path: anything(), to: anything() })],
    [5, () => ({ op: 'link', path: file(), to: file() })],
    [kind === 'batch' ? 2 : 1, () => ({ op: 'chmod', path: file(), bit: random() < 0.5 })],
    [kind === 'batch' ? 3 : 0, () => ({ op: 'parse', path: pick(tops) })],
    [3, () => ({ op: 'settle' })],
  ]
  const total = kinds.reduce((sum, [weight]) => sum + weight, 0)
  const next = (): Op => {
    let at = random() * total
    for (const [weight, make] of kinds) {
      at -= weight
      if (at < 0) return make()
    }
    return { op: 'settle' }
  }
  /** After finished.parse a producer keeps its hands off, nearly always. */
  const isLate = (op: Op): boolean => {
    const paths = [...('path' in op ? [op.path] : []), ...('to' in op ? [op.to] : [])]
    return paths.some((path) => {
      const top = disk.entry(path.split('/').slice(0, 2).join('/'))
      return path.split('/').length > 2 && top?.kind === 'directory' && top.closedAt !== null
    })
  }

  const length = 20 + below(LONGEST - 20)
  for (let tries = 0; ops.length < length && tries < 2000; tries += 1) {
    const op = next()
    if ((op.op === 'rename' || op.op === 'rmtree' || op.op === 'swap') && isRoot(op, kind)) continue
    if (kind === 'batch' && isLate(op) && random() < 0.95) continue
    if (disk.apply(op) !== null) ops.push(op)
  }
  return { seed, kind, ops, before: below(Math.min(12, ops.length)) }
}

/** The source itself, and what is outside of it, stay. */
function isRoot(op: { path: string; to?: string }, kind: Kind): boolean {
  const paths = [op.path, ...(op.to === undefined ? [] : [op.to])]
  if (paths.some((path) => !path.includes('/'))) return true
  // A file in the place of a batch directory is no batch directory: nothing to be learnt of it.
  return kind === 'batch' && op.to !== undefined && isTop(op.to) && !isTop(op.path)
}

const isTop = (path: string) => path.split('/').length === 2

export function formatProgram({ seed, kind, ops, before }: Program): string {
  const lines = ops.map(
    (op, index) => `${index === before ? '-- the scanner starts\n' : ''}${JSON.stringify(op)}`,
  )
  return [`seed ${seed}, ${kind} source`, ...lines].join('\n')
}
