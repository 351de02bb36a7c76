import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { type Copy, createCopy } from './copy.ts'
import { drawFaults } from './draw.ts'
import { type Fault, folderOf } from './faults.ts'
import { relate } from './related.ts'
import { type Failure, runVitest } from './vitest.ts'

const project = path.resolve(import.meta.dirname, '../..')
const results = path.join(project, 'test-results/mutation')
const usage = 'usage: npm run mutate -- [--seed N] [--count 60] [--unit | --full] [--again] [--draw]'
/** So many of the nearest tests run first, then those of the folder's name: the others seldom need to start. */
const NEAREST = 8
/** The integration tests of a core folder: those of its name, and those of its use. */
const INTEGRATION: Record<string, string[]> = {
  backends: ['destinations', 'transfer'],
  walk: ['scan'],
  watch: ['scan'],
  filter: ['scan', 'transfer'],
  send: ['transfer'],
  receive: ['transfer'],
  store: ['transfer'],
  restore: ['transfer', 'destinations'],
  protocol: ['transfer'],
  ledger: ['transfer', 'events'],
}

/** A fault and the first test that failed with it. */
interface Result extends Fault {
  /** Null: no test has failed. */
  readonly foundBy: { readonly tier: string; readonly test: string } | null
  readonly seconds: number
}

type Tier = { name: string; runs: (fault: Fault) => string[][] }

/** Returns the tiers in the order of their cost; each gives the arguments of its runs of Vitest for a fault. */
function listTiers(directory: string, only: { unit: boolean; full: boolean }): Tier[] {
  const unit = relate(directory, ['test/unit/**/*.test.{ts,tsx}'])
  const workers = '--maxWorkers=2'
  const tiers: Tier[] = [
    {
      name: 'unit',
      runs(fault) {
        const tests = unit(fault.file)
        const nearest = tests.splice(0, NEAREST)
        const folder = `test/unit/${path.posix.basename(folderOf(fault.file))}/`
        const named = tests.filter((test) => test.startsWith(folder))
        const others = tests.filter((test) => !test.startsWith(folder))
        const runs = [nearest, named, others].filter(({ length }) => length > 0)
        return runs.map((files) => ['--project=unit*', workers, ...files])
      },
    },
  ]
  if (only.unit) return tiers
  // The integration tests that `npm test` runs.
  if (readFileSync(path.join(directory, 'vitest.config.ts'), 'utf8').includes("name: 'stories'"))
    tiers.push({ name: 'stories', runs: () => [['--project=stories', '--tags-filter=story', workers]] })
  if (only.full)
    tiers.push({
      name: 'full',
      runs(fault) {
        const folder = path.posix.basename(folderOf(fault.file))
        const named = [folder, ...(INTEGRATION[folder] ?? [])].map((name) => `test/integration/${name}`)
        const near = named.filter((name) => existsSync(path.join(directory, name)))
        const all = ['--project=integration', workers]
        return near.length > 0 ? [[...all, ...near.map((name) => `${name}/`)], all] : [all]
      },
    })
  return tiers
}

/** Runs the tiers with a fault in place until a test fails that fails again with it, and passes without it. */
async function findFault(
  fault: Fault,
  {
    copy,
    tiers,
    sound,
    signal,
  }: { copy: Copy; tiers: Tier[]; sound: Map<string, boolean>; signal: AbortSignal },
): Promise<Result['foundBy']> {
  const runFile = (file: string, args: readonly string[]) =>
    runVitest(copy.directory, [...args.filter((word) => word.startsWith('--')), file], signal)
  const isSound = async ({ file }: Failure, args: string[]) => {
    if (file === null) return true
    const known = sound.get(file)
    if (known !== undefined) return known
    const failure = await copy.withoutFault(() => runFile(file, args))
    sound.set(file, failure === null)
    if (failure !== null) console.log(`${file} fails without a fault, too: ${failure.test}`)
    return failure === null
  }
  // A test that failed by chance has found nothing.
  const failsAgain = async ({ file }: Failure, args: string[]) =>
    file === null || (await runFile(file, args)) !== null
  const unsound = () => [...sound].filter(([, isPassing]) => !isPassing).map(([file]) => `--exclude=${file}`)
  for (const tier of tiers)
    for (const args of tier.runs(fault)) {
      let failure: Failure | null
      do {
        failure = await runVitest(copy.directory, [...args, ...unsound()], signal)
        if (failure !== null && (await failsAgain(failure, args)) && (await isSound(failure, args)))
          return { tier: tier.name, test: failure.test }
      } while (failure !== null)
    }
  return null
}

/** Returns the drawn faults, which a file keeps for a run that goes on. */
function readOrDraw(file: string, seed: number, count: number): Fault[] {
  if (existsSync(file)) return JSON.parse(readFileSync(file, 'utf8'))
  console.log('Drawing the faults ...')
  const faults = drawFaults(project, seed, count)
  writeFileSync(file, JSON.stringify(faults, null, 1))
  return faults
}

function readResults(file: string): Result[] {
  if (!existsSync(file)) return []
  const lines = readFileSync(file, 'utf8').split('\n').slice(0, -1)
  const all: Result[] = lines.map((line) => JSON.parse(line))
  // A fault that was put in again has a later line.
  return [...new Map(all.map((result) => [result.id, result])).values()]
}

function table(all: Result[]): string {
  const rows = all.map(({ id, change, foundBy, seconds }) => {
    const by = foundBy === null ? 'NO TEST' : `${foundBy.tier}: ${foundBy.test}`
    return `${id}\n    ${change}\n    ${by} (${Math.round(seconds)} s)`
  })
  const tiers = new Map<string, number>()
  for (const { foundBy } of all) {
    const name = foundBy?.tier ?? 'no test'
    tiers.set(name, (tiers.get(name) ?? 0) + 1)
  }
  const sums = [...tiers].map(([name, count]) => `${count} ${name}`).join(', ')
  const seconds = all.reduce((sum, result) => sum + result.seconds, 0)
  return `${rows.join('\n')}\n\n${all.length} faults in ${Math.round(seconds)} s, found by: ${sums}`
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      seed: { type: 'string' },
      count: { type: 'string', default: '60' },
      unit: { type: 'boolean', default: false },
      full: { type: 'boolean', default: false },
      again: { type: 'boolean', default: false },
      draw: { type: 'boolean', default: false },
    },
  })
  const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31))
  const count = Number(values.count)
  if (!Number.isInteger(seed) || !Number.isInteger(count) || count < 1) {
    console.error(usage)
    return 2
  }
  console.log(`Seed ${seed}`)
  mkdirSync(results, { recursive: true })
  const faults = readOrDraw(path.join(results, `${seed}-${count}.json`), seed, count)
  if (values.draw) {
    for (const { id, change } of faults) console.log(`${id}: ${change}`)
    return 0
  }
  const file = path.join(results, `${seed}-${count}.jsonl`)
  const done = readResults(file).filter(({ foundBy }) => !values.again || foundBy !== null)
  const ids = new Set(done.map(({ id }) => id))
  const abort = new AbortController()
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => abort.abort(new Error(name)))
  const copy = createCopy(project, path.join(results, `copy-${process.pid}`))
  try {
    mkdirSync(path.join(copy.directory, 'test-results'), { recursive: true })
    const with_ = { copy, tiers: listTiers(copy.directory, values), signal: abort.signal }
    const sound = new Map<string, boolean>()
    for (const fault of faults.filter(({ id }) => !ids.has(id))) {
      if (!copy.fits(fault)) {
        console.log(`${fault.id}: the code has changed since the fault was drawn`)
        continue
      }
      const began = Date.now()
      const foundBy = await copy.withFault(fault, () => findFault(fault, { ...with_, sound }))
      const result: Result = { ...fault, foundBy, seconds: (Date.now() - began) / 1_000 }
      appendFileSync(file, `${JSON.stringify(result)}\n`)
      console.log(table([result]).split('\n\n')[0])
    }
  } finally {
    copy.remove()
  }
  const all = readResults(file)
  console.log(`\n${table(all)}`)
  return all.every(({ foundBy }) => foundBy !== null) ? 0 : 1
}

process.exit(await main())
