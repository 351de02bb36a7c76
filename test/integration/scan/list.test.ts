import { execFile } from 'node:child_process'
import {
  chmodSync,
  closeSync,
  existsSync,
  linkSync,
  mkdirSync,
  openSync,
  readdirSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import path from 'node:path'
import { promisify } from 'node:util'
import { expect, onTestFinished, test } from 'vitest'
import { idOfPath } from '../../../core/settings/changes.ts'
import { sourceSchema } from '../../../core/settings/schema.ts'
import { openSettings } from '../../../core/settings/settings-store.ts'
import { commandScript } from '../../support/cli/command-script.ts'
import { startHoldfast } from '../../support/cli/processes.ts'
import { canMount, mountTmpfs } from '../../support/faults/mounts.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

const run = promisify(execFile)

async function scan(...args: string[]) {
  const { stdout } = await run(process.execPath, [commandScript, 'scan', ...args], {
    // What this user has sent before is nothing to a test.
    env: { ...process.env, LANG: 'C', LC_ALL: 'C', HOLDFAST_HOME: '/nonexistent' },
  })
  return stdout.split('\n').slice(0, -1)
}

test('`send --list`: lists the files of a continuous source that would be sent, and why others would not', async () => {
  const root = temporaryDirectory('list')
  mkdirSync(path.join(root, 'deep'))
  for (const name of ['a', 'deep/b', 'c.part', 'd.log']) writeFileSync(path.join(root, name), name)
  symlinkSync('/etc/passwd', path.join(root, 'link'))
  const writer = openSync(path.join(root, 'busy'), 'w')
  onTestFinished(() => closeSync(writer))
  expect((await scan('--list', '--ignore', '*.log', root)).toSorted()).toEqual(['a', 'deep/b'])
  expect((await scan('--list', '--why', '--ignore', '*.log', root)).toSorted()).toEqual([
    'a',
    'busy\ta program has it open for writing',
    'c.part\ttemporary name: a program is still writing it',
    'd.log\tleft out by the ignore pattern *.log',
    'deep/b',
    'link\tnot a regular file (symlink)',
  ])
})

test.skipIf(!canMount)('`send --list`: --one-file-system omits mounts (needs root: mounts)', async () => {
  const disk = await mountTmpfs(onTestFinished)
  const root = path.dirname(disk.point)
  for (const name of ['a', 'disk/b']) writeFileSync(path.join(root, name), name)
  mkdirSync(path.join(root, 'again'))
  await run('mount', ['--bind', root, path.join(root, 'again')])
  expect((await scan('--list', '--why', root)).toSorted()).toEqual(['a', 'again/a', 'disk/b'])
  expect((await scan('--list', '--why', '--one-file-system', root)).toSorted()).toEqual([
    'a',
    'again/a',
    'disk\ton another file system: this folder stays on one',
  ])
})

test('`send --list`: lists batch directories oldest first, without marks and transferred files, also as JSON', async () => {
  const root = temporaryDirectory('list')
  for (const [name, at] of [
    ['DC2', 100],
    ['DC1', 200],
    ['DC3', 50],
    ['other', 10],
  ] as const) {
    mkdirSync(path.join(root, name))
    writeFileSync(path.join(root, name, 'file'), name, { mode: 0o644 })
    if (name === 'DC3') writeFileSync(path.join(root, name, 'finished.watch'), '')
    utimesSync(path.join(root, name), at, at)
  }
  writeFileSync(path.join(root, 'DC2/old'), '')
  chmodSync(path.join(root, 'DC2/old'), 0o664)
  utimesSync(path.join(root, 'DC2'), 100, 100)
  expect(await scan('--list', '--prefix', 'DC', root)).toEqual(['DC2/file', 'DC1/file'])
  const all = (await scan('--list', '--why', '--json', '--prefix', 'DC', root)).map((line) =>
    JSON.parse(line),
  )
  expect(all).toContainEqual({ path: 'DC2/file', size: 3, send: true, why: null })
  const whys = new Map(all.map(({ path, why }) => [path, why]))
  expect(whys.get('DC2/old')).toMatch(/^isocket's mark \(the group-write bit\) from before Holdfast: /)
  expect(whys.get('DC3/file')).toBe('its batch folder has finished.watch, which another program made')
  expect(whys.get('DC3/finished.watch')).toBe('mark of a batch folder')
  expect(whys.get('other/')).toBe('not in a batch folder')
})

test('`send --list`: lists every entry beside the batch directories with the reason', {
  tags: 'story',
}, async () => {
  const root = temporaryDirectory('list')
  mkdirSync(path.join(root, 'DC1'))
  writeFileSync(path.join(root, 'DC1/file'), '', { mode: 0o644 })
  mkdirSync(path.join(root, 'other'))
  symlinkSync('/etc', path.join(root, 'DC_ext'))
  for (const name of ['loose', 'loose.tmp']) writeFileSync(path.join(root, name), '')
  writeFileSync(Buffer.concat([Buffer.from(`${root}/bad`), Buffer.from([0xff])]), '')
  await run('mkfifo', [path.join(root, 'fifo')])
  expect((await scan('--list', '--why', '--prefix', 'DC', root)).toSorted()).toEqual([
    'DC1/file',
    'DC_ext\tnot a regular file (symlink)',
    'bad\uFFFD\tnot in a batch folder',
    'fifo\tnot a regular file (fifo)',
    'loose\tnot in a batch folder',
    'loose.tmp\ttemporary name: a program is still writing it',
    'other/\tnot in a batch folder',
  ])
})

test('`send --list`: a temporary name in a sent batch directory has the reason of the other files there', async () => {
  const root = temporaryDirectory('list')
  mkdirSync(path.join(root, 'DC1'))
  for (const name of ['a', 'b.tmp', 'finished.parse', 'finished.watch'])
    writeFileSync(path.join(root, 'DC1', name), '', { mode: 0o644 })
  const [a = '', b = ''] = (await scan('--list', '--why', '--batch', root)).toSorted()
  expect(a).toContain('DC1/a\t')
  expect(b).toBe(a.replace('DC1/a', 'DC1/b.tmp'))
})

test('`send --list`: Holdfast’s own directory and a path that is too deep for a destination are listed with the reason', async () => {
  const root = temporaryDirectory('list')
  const deep = 'a/'.repeat(256)
  for (const directory of ['.holdfast', deep]) mkdirSync(path.join(root, directory), { recursive: true })
  for (const name of ['.holdfast/x', `${deep}x`, 'good']) writeFileSync(path.join(root, name), '')
  expect((await scan('--list', '--why', root)).toSorted()).toEqual([
    ".holdfast\tHoldfast's own file",
    `${deep}x\tits name is longer, or in more folders, than a destination stores`,
    'good',
  ])
})

test('`holdfast send`: rejects a path that cannot be listed with the reason, and options that exclude each other with exit code 2', async () => {
  const root = temporaryDirectory('list')
  writeFileSync(path.join(root, 'file'), '')
  symlinkSync('loop', path.join(root, 'loop'))
  for (const [name, code, said] of [
    ['none', 2, 'does not exist'],
    ['file/inside', 2, 'does not exist'],
    ['file', 2, 'is not a folder'],
    ['loop', 1, 'cannot be listed (too many symbolic links)'],
  ] as const)
    await expect(scan('--list', '--batch', path.join(root, name)), name).rejects.toMatchObject({
      code,
      stderr: expect.stringContaining(said),
    })
  await expect(scan('--list', '--to', 'nas', root)).rejects.toMatchObject({ code: 2 })
  await expect(scan('--why', '--accept', root)).rejects.toMatchObject({ code: 2 })
})

test('`send --list`: filters for size, age and hidden names exclude files with the reason', async () => {
  const root = temporaryDirectory('list')
  mkdirSync(path.join(root, '.git'))
  const long = new Date(Date.now() - 3_600_000)
  for (const [name, bytes] of [
    ['kept', 10],
    ['tiny', 1],
    ['huge', 5_000],
    ['.git/config', 10],
    ['.hidden', 10],
  ] as const) {
    writeFileSync(path.join(root, name), 'x'.repeat(bytes))
    utimesSync(path.join(root, name), long, long)
  }
  writeFileSync(path.join(root, 'young'), 'x'.repeat(10))
  const filters = ['--no-hidden', '--min-size', '5', '--max-size', '2048', '--min-age', '120']
  expect((await scan('--list', '--why', ...filters, root)).toSorted()).toEqual([
    '.git\thidden: its name begins with a dot',
    '.hidden\thidden: its name begins with a dot',
    'huge\tlarger than 2 KiB',
    'kept',
    'tiny\tsmaller than 5 B',
    'young\tchanged less than 2 min ago',
  ])
  await expect(scan('--list', '--min-size', '9', '--max-size', '5', root)).rejects.toMatchObject({ code: 2 })
  expect(await scan('--list', '--max-size', '1K', '--min-age', '2m', root)).toEqual(
    await scan('--list', '--max-size', '1024', '--min-age', '120', root),
  )
  await expect(scan('--list', '--min-size', '1.5', root)).rejects.toMatchObject({ code: 2 })
})

test('`send --list`: a batch directory whose name is not valid UTF-8 is listed with the reason', async () => {
  const root = temporaryDirectory('list')
  mkdirSync(Buffer.concat([Buffer.from(path.join(root, 'DC')), Buffer.from([0xff])]))
  mkdirSync(path.join(root, 'DC-\uFFFD'))
  writeFileSync(path.join(root, 'DC-\uFFFD/file'), 'file', { mode: 0o644 })
  expect(await scan('--list', '--why', '--batch', root)).toEqual([
    'DC\uFFFD/\tname is not valid UTF-8',
    'DC-\uFFFD/file',
  ])
})

test('`send --list --data`: excludes sent files and applies the settings of a protected directory', async () => {
  const root = temporaryDirectory('list')
  const data = temporaryDirectory('list-data')
  for (const name of ['a', 'b']) writeFileSync(path.join(root, name), name)
  expect(await scan('--list', '--data', data, root)).toEqual(['a', 'b'])
  expect(readdirSync(data)).toEqual([])
  await scan('--once', '--data', data, root)
  writeFileSync(path.join(root, 'b'), 'changed')
  writeFileSync(path.join(root, 'c.log'), 'c')
  const about = ['--list', '--why', '--data', data]
  const whys = ['a\tsent already', 'b', 'c.log']
  expect((await scan(...about, root)).toSorted()).toEqual(whys)
  const settings = openSettings(data)
  const known = sourceSchema.parse({ id: idOfPath(root), path: root, name: 'list', ignore: ['*.log'] })
  settings.set({ ...settings.get(), sources: [known] })
  whys[2] = 'c.log\tleft out by the ignore pattern *.log'
  expect((await scan(...about, root)).toSorted()).toEqual(whys)
  // What is given on the command line comes before what the settings say.
  whys[2] = 'c.log'
  expect((await scan(...about, '--ignore', '*.txt', root)).toSorted()).toEqual(whys)
  // Elsewhere nothing is known, and nothing is made.
  const none = path.join(data, 'none')
  expect(await scan('--list', '--data', none, root)).toEqual(['a', 'b', 'c.log'])
  expect(existsSync(none)).toBe(false)
})

test('`scan`: neither lists nor waits for its own data directory and a link to its secrets', async () => {
  const root = temporaryDirectory('list')
  const data = path.join(root, 'data')
  const source = path.join(root, 'source')
  for (const directory of [data, source]) mkdirSync(directory)
  writeFileSync(path.join(source, 'a'), 'a')
  writeFileSync(path.join(data, 'secrets.json'), '{"version":2,"owners":{}}', { mode: 0o600 })
  linkSync(path.join(data, 'secrets.json'), path.join(source, 'linked.json'))
  expect(await scan('--list', '--data', data, root)).toEqual(['source/a'])
  expect(await scan('--once', '--data', data, source)).not.toEqual([])
  expect((await scan('--list', '--why', '--data', data, source)).toSorted()).toEqual([
    'a\tsent already',
    "linked.json\tHoldfast's own file",
  ])
})

test('`send --list --data`: reports an unreadable ledger, lists the files and leaves the ledger unchanged', {
  tags: 'story',
}, async () => {
  const root = temporaryDirectory('list')
  const data = temporaryDirectory('list-data')
  writeFileSync(path.join(root, 'a'), 'a')
  writeFileSync(path.join(data, 'ledger.db'), 'no database'.repeat(1_000))
  const listing = startHoldfast(['send', '--list', '--data', data, root], { LC_ALL: 'C' })
  expect(await listing.ended()).toBe(0)
  expect(listing.out()).toBe('a\n')
  expect(listing.err()).toContain(`${path.join(data, 'ledger.db')} cannot be read`)
  expect(readdirSync(data)).toEqual(['ledger.db'])
})
