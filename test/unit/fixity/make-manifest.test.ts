import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { type ManifestRequest, readAsText, saveManifest } from '../../../core/fixity/make-manifest.ts'
import { openLedger } from '../../../core/ledger/ledger.ts'
import { file } from '../../support/store/ledger.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

const sha256 = (text: string) => createHash('sha256').update(text).digest()

/** A source with a sent file for each name, "none" without a digest, and a file that waits. */
function makeSource(names: readonly string[]): ManifestRequest {
  const directory = temporaryDirectory('source')
  const place = path.join(temporaryDirectory('ledger'), 'ledger.db')
  const ledger = openLedger(place)
  ledger.offer(
    'd',
    names.map((name, index) => file(name, { inode: BigInt(index + 10) })),
  )
  for (const due of ledger.take('d', 's', names.length, Date.now(), new Set())) {
    const fixity = due.path === 'none' ? {} : { sha256: sha256(due.path) }
    ledger.markSent([{ ...due, mark: false, digest: Buffer.alloc(32, 1), fixity }], Date.now())
    if (due.path !== 'none') writeFileSync(path.join(directory, due.path), due.path)
  }
  ledger.offer('d', [file('waits')])
  ledger.close()
  return {
    ...{ ledger: place, source: { id: 's', path: directory, name: 'scans' }, destinations: ['d'] },
    ...{ form: 'sha256sum', license: null, agent: 'Holdfast 1' },
  }
}

describe('manifest for a view', () => {
  test('a file whose copy is damaged is left out, and counted as such', async () => {
    const request = makeSource(['a', 'b', 'none'])
    const ledger = openLedger(request.ledger)
    ledger.markGone('d', 's', ['b'], Date.now())
    const finding = { source: 's', path: 'b', finding: 'missing', size: 1, digest: '01'.repeat(32) } as const
    ledger.offerDamaged('d', { ...finding, at: Date.now() + 1 })
    ledger.close()
    const { texts, ...result } = await readAsText(request)
    expect(result).toMatchObject({ files: 1, leftOut: 2, damaged: 1, notDurable: 1 })
    expect(texts[0]?.text).not.toContain(' b')
  })

  test('lines that sha256sum accepts, and the numbers of files that are not listed', async () => {
    const request = makeSource(['a', 'b', 'none'])
    const to = path.join(temporaryDirectory('sums'), 'sums.txt')
    expect(await saveManifest(request, to)).toMatchObject({ files: 2, leftOut: 1, notDurable: 1 })
    const options = { cwd: request.source.path, encoding: 'utf8' } as const
    expect(execFileSync('sha256sum', ['--strict', '-c', to], options)).toBe('a: OK\nb: OK\n')

    const temporary = temporaryDirectory('texts')
    vi.stubEnv('TMPDIR', temporary)
    onTestFinished(() => void vi.unstubAllEnvs())
    const { texts, ...result } = await readAsText(request)
    expect(result).toMatchObject({ files: 2, leftOut: 1, notDurable: 1 })
    expect(texts).toEqual([{ name: 'sha256sums.txt', text: readFileSync(to, 'utf8') }])
    expect(readdirSync(temporary)).toEqual([])
  })

  test('a bag as text has its four tag files, an RO-Crate the one', async () => {
    const request = makeSource(['a'])
    const bag = await readAsText({ ...request, form: 'bagit' })
    expect(bag.texts.map(({ name }) => name)).toEqual([
      'bag-info.txt',
      'bagit.txt',
      'manifest-sha256.txt',
      'tagmanifest-sha256.txt',
    ])
    const license = 'https://creativecommons.org/licenses/by/4.0/'
    const crate = await readAsText({ ...request, form: 'ro-crate', license })
    expect(crate.texts.map(({ name }) => name)).toEqual(['ro-crate-metadata.json'])
    const { '@graph': graph } = JSON.parse(crate.texts[0]?.text ?? '')
    expect(graph.map((one: { '@id': string }) => one['@id'])).toEqual([
      'ro-crate-metadata.json',
      license,
      'a',
      './',
    ])
    expect(graph[2]).toMatchObject({ '@type': 'File', name: 'a', sha256: sha256('a').toString('hex') })
    expect(graph[3]).toMatchObject({ license: { '@id': license }, hasPart: [{ '@id': 'a' }] })
    const unlicensed = JSON.parse((await readAsText({ ...request, form: 'ro-crate' })).texts[0]?.text ?? '')
    expect(unlicensed['@graph'][1]).toMatchObject({ '@id': '#license-not-stated' })
    expect(unlicensed['@graph'][3].license).toEqual({ '@id': '#license-not-stated' })
  })

  test('a list that is too long for a message is refused, and one that cannot be written names its path', async () => {
    const request = makeSource(['a', 'b'])
    await expect(readAsText(request, 100)).rejects.toMatchObject({
      sentence: { key: 'fixity.tooLong', params: { name: 'scans', limit: 100 } },
    })
    const to = path.join(request.source.path, 'a', 'sums.txt')
    await expect(saveManifest(request, to)).rejects.toMatchObject({
      sentence: { key: 'fixity.notWritten', params: { path: to } },
    })
  })
})
