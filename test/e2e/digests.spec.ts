import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import { openLedger } from '../../core/ledger/ledger.ts'
import { getDataLayout } from '../../core/settings/data-directory.ts'
import { answerDialogs } from '../support/desktop/dialog.ts'
import { until } from '../support/until.ts'
import { expect, test } from './desktop.ts'
import { findViolations } from './look/look.ts'
import { pictures } from './pictures.ts'

const run = promisify(execFile)

test('checksums for archives: a choice in the details of a folder is saved at once', async ({ desktop }) => {
  const source = await mkdtemp(path.join(tmpdir(), 'holdfast-digests-'))
  const { page } = await desktop.start({
    settings: { sources: [{ id: 'one', path: source, name: 'scans' }] },
  })
  await page.getByRole('article', { name: 'scans' }).click()
  await page.getByText('Rules', { exact: true }).click()
  const part = page.getByRole('group', { name: 'Checksums for archives' })
  const sha256 = part.getByRole('checkbox', { name: 'SHA-256' })
  await expect(sha256).not.toBeChecked()
  await sha256.click()
  await expect(sha256).toBeChecked()
  await part.scrollIntoViewIfNeeded()
  await pictures(page, 'digests', 'themes')
  await part.getByRole('checkbox', { name: 'MD5' }).click()
  await expect(part.getByRole('checkbox', { name: 'MD5' })).toBeChecked()
  await sha256.click()
  await expect(sha256).not.toBeChecked()
  await expect(part.getByRole('checkbox', { name: 'MD5' })).toBeChecked()
})

test('checksums for archives: the list is saved, and sha256sum accepts it', async ({ desktop }) => {
  const base = await mkdtemp(path.join(tmpdir(), 'holdfast-digests-'))
  const source = path.join(base, 'scans')
  await mkdir(source)
  await writeFile(path.join(source, 'one'), 'content of one')
  await writeFile(path.join(source, 'large'), Buffer.alloc(3_000_000, 'large'))
  const { page, holdfast, state } = await desktop.start({
    settings: { sources: [{ id: 'one', path: source, name: 'scans', digests: ['sha256'] }] },
  })
  await until('both files', async () => (await state()).totals.sentFiles === 2)
  await page.getByRole('article', { name: 'scans' }).click()
  await page.getByText('Rules', { exact: true }).click()
  const part = page.getByRole('region', { name: 'Checksums for archives' })
  const save = part.getByRole('button', { name: 'Save list…' })

  await answerDialogs(holdfast.application, null)
  await save.click()
  await expect(save).toBeEnabled()
  await expect(part.getByText('listed in')).toHaveCount(0)

  const list = path.join(base, 'sums.txt')
  await answerDialogs(holdfast.application, list)
  await save.click()
  await expect(part.getByText(`2 files are listed in ${list}.`)).toBeVisible()
  const { stdout } = await run('sha256sum', ['--strict', '-c', list], { cwd: source })
  expect(stdout).toBe('large: OK\none: OK\n')
  await part.scrollIntoViewIfNeeded()
  await pictures(page, 'digests-list')
  expect(await findViolations(page, false)).toEqual([])

  await test.step('a bag gets its tag files, and a place that cannot be written is named', async () => {
    const form = part.getByRole('combobox', { name: 'List' })
    await expect(form.getByRole('option')).toHaveText([
      'For sha256sum',
      'Tag files of a bag (BagIt)',
      'RO-Crate',
    ])
    await form.selectOption('bagit')
    const bag = path.join(base, 'bag')
    await answerDialogs(holdfast.application, bag)
    await save.click()
    await expect(part.getByText(`2 files are listed in ${bag}.`)).toBeVisible()
    expect(await readFile(path.join(bag, 'manifest-sha256.txt'), 'utf8')).toContain('  data/large\n')
    await answerDialogs(holdfast.application, path.join(source, 'one', 'crate'))
    await save.click()
    await expect(part.getByText('The manifest could not be written to')).toBeVisible()
    await pictures(page, 'digests-refused')
  })

  await test.step('an RO-Crate has the licence whose address is given', async () => {
    await part.getByRole('combobox', { name: 'List' }).selectOption('ro-crate')
    const license = part.getByRole('textbox', { name: 'Licence (optional)' })
    await license.fill('CC BY 4.0')
    await expect(save).toBeDisabled()
    await license.fill('https://creativecommons.org/licenses/by/4.0/')
    await pictures(page, 'digests-license', 'themes')
    const crate = path.join(base, 'crate')
    await answerDialogs(holdfast.application, crate)
    await save.click()
    await expect(part.getByText(`2 files are listed in ${crate}.`)).toBeVisible()
    const { '@graph': entities } = JSON.parse(
      await readFile(path.join(crate, 'ro-crate-metadata.json'), 'utf8'),
    )
    expect(entities).toContainEqual(
      expect.objectContaining({ license: { '@id': 'https://creativecommons.org/licenses/by/4.0/' } }),
    )
  })

  await test.step('a file that was sent without a checksum is counted', async () => {
    await part.getByRole('checkbox', { name: 'MD5' }).click()
    await part.getByRole('combobox', { name: 'List' }).selectOption('md5sum')
    await answerDialogs(holdfast.application, path.join(base, 'md5.txt'))
    await save.click()
    await expect(part.getByText('2 files are left out')).toBeVisible()
  })

  await test.step('a file whose copy is damaged is counted', async () => {
    await rm(path.join(source, 'one'))
    await until('the deletion', async () => (await state()).totals.deletedFiles === 1)
    const ledger = openLedger(getDataLayout(desktop.dataDirectory).ledger)
    const finding = { source: 'one', path: 'one', finding: 'missing', at: Date.now() } as const
    ledger.offerDamaged('embedded', { ...finding, size: 14, digest: '00'.repeat(32) })
    ledger.close()
    await part.getByRole('combobox', { name: 'List' }).selectOption('sha256sum')
    await answerDialogs(holdfast.application, list)
    await save.click()
    await expect(part.getByText('1 file is left out, because its copy at a destination')).toBeVisible()
    await part.scrollIntoViewIfNeeded()
    await pictures(page, 'digests-damaged')
  })
})

test('check against a list: results of a destination are counted and named, and it can be stopped', async ({
  desktop,
}) => {
  const base = await mkdtemp(path.join(tmpdir(), 'holdfast-compare-'))
  const source = path.join(base, 'scans')
  await mkdir(source)
  for (const name of ['one', 'two', 'three']) await writeFile(path.join(source, name), `content of ${name}`)
  const { page, holdfast, state } = await desktop.start({
    settings: { sources: [{ id: 'one', path: source, name: 'scans' }] },
  })
  await until('all files', async () => (await state()).totals.sentFiles === 3)
  const { stdout: sums } = await run('sha256sum', ['one', 'two', 'three'], { cwd: source })
  await page.getByRole('article', { name: 'scans' }).click()
  await page.getByText('Rules', { exact: true }).click()
  const part = page.getByRole('region', { name: 'Check against a list' })
  const choose = part.getByRole('button', { name: 'Choose list…' })
  const check = async (list: string, text: string) => {
    await writeFile(list, text)
    await answerDialogs(holdfast.application, list)
    await choose.click()
  }

  await answerDialogs(holdfast.application, null)
  await choose.click()
  await expect(choose).toBeEnabled()
  await expect(part.getByRole('status')).toHaveCount(0)

  await check(path.join(base, 'sums.txt'), sums)
  await expect(part.getByText('All 3 files of sums.txt are at')).toBeVisible()

  await test.step('other content and missing files are named, and nothing is sent again', async () => {
    const [one = '', ...others] = sums.split('\n')
    const changed = one.replace(/^./, (digit) => (digit === '0' ? '1' : '0'))
    const absent = Array.from({ length: 12 }, (_, index) => `${'0'.repeat(64)}  absent-${index}\n`)
    await check(path.join(base, 'other.txt'), [changed, ...others].join('\n') + absent.join(''))
    await expect(part.getByText('2 the same · 1 different · 12 missing')).toBeVisible()
    const rows = part.getByRole('listitem')
    await expect(rows.filter({ hasText: 'scans/one' }).getByText('different')).toBeVisible()
    await expect(rows.filter({ hasText: 'absent-0' }).getByText('missing')).toBeVisible()
    await expect(part.getByRole('listitem')).toHaveCount(11)
    await expect(part.getByText('… and 3 more')).toBeVisible()
    await expect(part.getByText('Nothing is sent again')).toBeVisible()
    await part.scrollIntoViewIfNeeded()
    await pictures(page, 'compare', 'themes')
    expect(await findViolations(page, false)).toEqual([])
    expect((await state()).totals.waitingFiles).toBe(0)
  })

  await test.step('a file that is no list is refused with its line', async () => {
    await check(path.join(base, 'notes.txt'), 'no list')
    await expect(part.getByText('Line 1 of')).toBeVisible()
  })

  await test.step('a list whose disk does not answer is stopped', async () => {
    const hung = path.join(base, 'hung')
    await run('mkfifo', [hung])
    await answerDialogs(holdfast.application, hung)
    await choose.click()
    await expect(part.getByText('The list is being read')).toBeVisible()
    await expect(choose).toBeDisabled()
    await part.getByRole('button', { name: 'Stop' }).click()
    await expect(part.getByText('Stopped: the files at')).toBeVisible()
    await check(path.join(base, 'sums.txt'), sums)
    await expect(part.getByText('All 3 files of sums.txt are at')).toBeVisible()
  })
})
