import { type DestinationKind, getDestinationSecrets, getKind } from '../../../core/backends/kinds.ts'
import type { Destination } from '../../../core/settings/destination-schema.ts'
import {
  type Draft,
  type Field,
  type Given,
  newDraft,
  type Problems,
  type Refuse,
  readEncryption,
  readField,
  readSecrets,
  toEncryption,
  toTyped,
} from './draft.ts'
import type { OwnForm } from './fields.tsx'
import { s3Form } from './s3-fields.tsx'
import { sftpForm } from './sftp-fields.tsx'

/** The exceptions; all other kinds show their fields one below the other (kind-fields.tsx). */
const forms: Partial<Record<DestinationKind, OwnForm>> = { sftp: sftpForm, s3: s3Form }

export const getForm = (kind: DestinationKind): OwnForm | undefined => forms[kind]

/** Returns the default name: the last part of the address. */
export function suggestName(kind: DestinationKind, draft: Draft): string {
  const values = Object.entries(forms[kind]?.split?.(draft) ?? draft).map(([name, value]) => [
    name,
    typeof value === 'string' ? value.trim() : value,
  ])
  return getKind(kind).suggestName(Object.fromEntries(values))
}

/** @param stored names of the destination's stored secrets */
export function toDraft(destination: Destination, stored: readonly string[]): Draft {
  const values: Readonly<Record<string, unknown>> = { ...destination }
  const typed = getKind(destination.kind).fields.flatMap(({ name, type }) =>
    type === 'secret' ? [] : [[name, toTyped(values[name])]],
  )
  return {
    ...newDraft(),
    ...Object.fromEntries(typed),
    name: destination.name,
    ...('recipient' in destination ? toEncryption(destination) : {}),
    ...forms[destination.kind]?.toDraft?.(stored),
  }
}

export interface ReadDraft {
  /** null while a field is missing or invalid. */
  given: { destination: Given; secrets: Record<string, string> } | null
  problems: Problems
}

/**
 * Returns the form's values for the agent, or its problems.
 * @param stored names of the destination's stored secrets
 */
export function readDraft(kind: DestinationKind, typed: Draft, stored: readonly string[]): ReadDraft {
  const form = forms[kind]
  const { fields, encrypts } = getKind(kind)
  const draft = form?.split?.(typed) ?? typed
  const problems: Partial<Record<Field, 'missing' | 'invalid'>> = {}
  const refuse: Refuse = (field, why) => {
    problems[field] = why
  }
  const values = fields.flatMap((field) => {
    const value = field.type === 'secret' ? undefined : readField(field, draft, refuse)
    return value === undefined ? [] : [[field.name, value]]
  })
  const destination = {
    kind,
    name: draft.name.trim() || suggestName(kind, draft),
    ...Object.fromEntries(values),
    ...(encrypts ? readEncryption(draft, refuse) : {}),
  } as Given
  const secrets =
    form?.readSecrets?.(draft, stored, refuse) ??
    readSecrets(getDestinationSecrets(kind, draft.login), draft, stored, refuse)
  return { given: Object.keys(problems).length === 0 ? { destination, secrets } : null, problems }
}
