// @module-tag story
import { closeSync, linkSync, mkdirSync, openSync, readdirSync, writeFileSync, writeSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { NEW_FOR_MS } from '../../../core/watch/inotify-examiner.ts'
import { openTree } from '../../support/scan/tree.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { until } from '../../support/until.ts'

// A close under a name outside the tree is one that the tree's watches do not tell of, like the one that comes an
// instant before the kernel counts the writer out.
describe.skipIf(process.platform !== 'linux')(
  'detection of a finished file whose close causes no event (Linux: inotify)',
  () => {
    test('a file is reported once its last writer closes it', async () => {
      const directory = temporaryDirectory('missed-close')
      const tree = path.join(directory, 'tree')
      mkdirSync(tree)
      const { recorder } = await openTree('inotify', tree)
      const outside = path.join(directory, 'outside')
      const writer = openSync(outside, 'w')
      linkSync(outside, path.join(tree, 'file'))
      writeSync(writer, 'begun')
      // Another writer's close finds it busy.
      writeFileSync(path.join(tree, 'file'), 'begun', { flag: 'a' })
      await delay(NEW_FOR_MS)
      expect(recorder.paths).toEqual([])
      closeSync(writer)
      await until('the file is reported', () => recorder.paths.includes('file'))
    })

    test('a link to an outside file and a new file are each reported once', async () => {
      const directory = temporaryDirectory('missed-close')
      const tree = path.join(directory, 'tree')
      mkdirSync(tree)
      const { recorder } = await openTree('inotify', tree)
      writeFileSync(path.join(directory, 'outside'), 'content')
      linkSync(path.join(directory, 'outside'), path.join(tree, 'second'))
      writeFileSync(path.join(tree, 'first'), 'content')
      await until('both are reported', () => recorder.paths.length >= 2)
      // Long enough for the look that a created file would have got without a close.
      await delay(2 * NEW_FOR_MS)
      expect(recorder.paths.toSorted()).toEqual(readdirSync(tree).toSorted())
    })
  },
)
