import { randomFillSync } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { openLedger } from '../../../core/ledger/ledger.ts'
import {
  DESTINATION,
  digestFile,
  type Home,
  listFoundFiles,
  readIfThere,
  readTree,
  writeFile,
} from './transfer.ts'

// The world of a crash campaign: trees that change from round to round, and the checks that hold at any moment.

const KIB = 1024

/** `marked`: files are replaced, and sent ones marked; `moved`: renamed; `rewritten`: in place; `batch`: isocket's. */
export const campaignSources = ['marked', 'moved', 'rewritten', 'batch'] as const
export type CampaignSource = (typeof campaignSources)[number]

const isMark = (name: string) => /(^|\/)finished\.(parse|watch)$/.test(name)

/** Mostly small, some of several hundred KiB, of which the longest do not travel whole (1 MiB), a few of many chunks. */
function chooseSize(random: () => number): number {
  const kind = random()
  if (kind < 0.02) return 4 * 1024 * KIB + Math.floor(random() * 2 * 1024 * KIB)
  if (kind < 0.1) return 257 * KIB + Math.floor(random() * 1000 * KIB)
  return kind < 0.15 ? 0 : Math.floor(random() * 9 * KIB)
}

const pick = <T>(random: () => number, list: readonly T[]): T | undefined =>
  list[Math.floor(random() * list.length)]

/**
 * @param arrivedIn a source's folder at the receiver.
 */
export function createCampaign(home: Home, arrivedIn: (source: string) => string, random: () => number) {
  const getRoot = (source: CampaignSource) => path.join(home.source, source)
  const aside = path.join(home.directory, 'aside')
  for (const source of campaignSources) fs.mkdirSync(getRoot(source), { recursive: true })
  const names = { marked: [] as string[], moved: [] as string[], rewritten: [] as string[] }
  /** What stood under each name of `moved` at any time. */
  const ever = new Set<string>()
  const looked = new Set<string>()
  const violations: string[] = []
  let count = 0
  let batch: string | null = null

  const content = () => randomFillSync(Buffer.alloc(chooseSize(random)))
  const newName = () => {
    count += 1
    return `d${Math.floor(random() * 12)}/${random() < 0.2 ? `e${count % 5}/` : ''}f${count}`
  }

  const replace = (root: string, name: string) => {
    fs.writeFileSync(aside, content())
    fs.mkdirSync(path.dirname(path.join(root, name)), { recursive: true })
    fs.renameSync(aside, path.join(root, name))
  }

  const move = () => {
    const from = pick(random, names.moved)
    if (from === undefined) return
    const to = newName()
    const target = path.join(getRoot('moved'), to)
    fs.mkdirSync(path.dirname(target), { recursive: true })
    fs.renameSync(path.join(getRoot('moved'), from), target)
    names.moved[names.moved.indexOf(from)] = to
    ever.add(`${to} ${digestFile(target)}`)
  }

  /** Without the file that a scanner makes for a moment, to read the clock of the file system (core/scan/batch/adoption.ts). */
  const batches = () =>
    fs
      .readdirSync(getRoot('batch'), { withFileTypes: true })
      .flatMap((entry) => (entry.isDirectory() ? [entry.name] : []))

  const changeBatch = () => {
    if (batch === null || random() < 0.1) {
      if (batch !== null) writeFile(getRoot('batch'), `${batch}/finished.parse`, '')
      count += 1
      batch = `run-${String(count).padStart(6, '0')}`
    }
    count += 1
    writeFile(getRoot('batch'), `${batch}/f${count}`, content())
  }

  /** Changes the sources as their producers would, and offers what has changed, but for the batches. */
  const change = () => {
    for (let index = Math.floor(random() * 4); index >= 0; index -= 1) {
      const source = pick(random, ['marked', 'moved', 'rewritten'] as const) ?? 'marked'
      const known = random() < 0.25 ? pick(random, names[source]) : undefined
      if (known !== undefined && source === 'moved') move()
      else {
        const name = known ?? newName()
        if (source === 'marked') replace(getRoot(source), name)
        else writeFile(getRoot(source), name, content())
        if (known === undefined) names[source].push(name)
        if (source === 'moved') ever.add(`${name} ${digestFile(path.join(getRoot(source), name))}`)
      }
    }
    if (random() < 0.3) changeBatch()
    offer()
  }

  const offer = () => {
    const ledger = openLedger(home.ledgerPath)
    for (const source of ['marked', 'moved', 'rewritten'] as const)
      ledger.offer(DESTINATION, listFoundFiles(getRoot(source), source))
    ledger.close()
  }

  /** A file that says of itself, or of which it is said, that it is sent has to be at the receiver at this moment. */
  const mustHave = (source: CampaignSource, name: string, said: string) => {
    const here = digestFile(path.join(getRoot(source), name))
    const there = path.join(arrivedIn(source), name)
    if (readIfThere(() => digestFile(there)) !== here)
      violations.push(`${said}, but not stored: ${source}/${name}`)
  }

  /** Looks at every mark that is new. */
  const lookAtMarks = () => {
    for (const name of names.marked) {
      const stats = fs.lstatSync(path.join(getRoot('marked'), name), { bigint: true })
      const key = `${stats.ino} ${stats.mtimeNs}`
      if ((stats.mode & 0o020n) === 0n || looked.has(key)) continue
      looked.add(key)
      mustHave('marked', name, 'marked')
    }
    for (const directory of batches()) {
      if (looked.has(directory)) continue
      const files = fs.readdirSync(path.join(getRoot('batch'), directory))
      if (!files.includes('finished.watch')) continue
      looked.add(directory)
      if (!files.includes('finished.parse') && directory === batch)
        violations.push(`marked before it was closed: ${directory}`)
      for (const file of files) if (!isMark(file)) mustHave('batch', `${directory}/${file}`, 'finished.watch')
    }
  }

  /** Looks at the newest files that the ledger says are sent, and that have not changed since. */
  const lookAtLedger = () => {
    const ledger = openLedger(home.ledgerPath)
    try {
      for (const source of campaignSources) {
        const page = { source, state: 'sent', before: null, limit: 60 } as const
        for (const { path: name, size, modifiedAt, id, sentAt } of ledger.files([DESTINATION], page).files) {
          const key = `${id} ${sentAt}`
          const stats = fs.lstatSync(path.join(getRoot(source), name), { throwIfNoEntry: false })
          if (looked.has(key) || stats === undefined) continue
          if (stats.size !== size || modifiedAt === null || Math.abs(stats.mtimeMs - modifiedAt) > 0.01)
            continue
          looked.add(key)
          mustHave(source, name, 'sent by the ledger')
        }
      }
    } finally {
      ledger.close()
    }
  }

  const withoutMarks = (tree: Record<string, string>) =>
    Object.fromEntries(Object.entries(tree).filter(([name]) => !isMark(name)))

  return {
    getRoot,
    change,
    lookAtMarks,
    lookAtLedger,
    violations,
    /** The last batch directory is closed, too. */
    finish() {
      if (batch !== null) writeFile(getRoot('batch'), `${batch}/finished.parse`, '')
      offer()
    },
    /** Whether every mark that is due is there. */
    allMarked: () =>
      names.marked.every((name) => (fs.statSync(path.join(getRoot('marked'), name)).mode & 0o020) !== 0) &&
      batches().every((directory) => fs.existsSync(path.join(getRoot('batch'), directory, 'finished.watch'))),
    /** Both trees of a source, as path → size and digest, that have to be equal. */
    trees(source: CampaignSource) {
      const here = withoutMarks(readTree(getRoot(source)))
      const there = readTree(arrivedIn(source))
      if (source !== 'moved') return { here, there }
      // An older name stays at the receiver, with what was under it.
      for (const [name, digest] of Object.entries(there))
        if (here[name] === undefined && ever.has(`${name} ${digest}`)) delete there[name]
      return { here, there }
    },
  }
}
