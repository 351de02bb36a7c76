import { expect, test } from 'vitest'
import { newRule } from '../../../renderer/features/overview/expected-draft.ts'
import { ExpectedForm } from '../../../renderer/features/overview/expected-form.tsx'
import { renderMarkup } from './rendered.tsx'

test.each(['Asia/Kolkata', 'Etc/GMT-8', 'UTC', 'Asia/Taipei', null])(
  'form of expected files: the time zone of the rule is chosen, also one that the browser does not list: %s',
  (zone) => {
    const markup = renderMarkup(
      <ExpectedForm
        id="one"
        before={{ ...newRule, zone }}
        save={() => expect.fail()}
        onDone={() => undefined}
      />,
    )
    const chosen = [...markup.matchAll(/<option value="([^"]*)" selected/g)].map(([, value]) => value)
    expect(chosen).toEqual(['60', '1', zone ?? ''])
  },
)
