import { certificate, defineKind, getUrlServer, LONGEST_LOCK_DAYS, ownFolder } from '../fields.ts'

/** Without slashes at its ends. */
const trimSlashes = (prefix: string) => prefix.replace(/^\/+|\/+$/g, '')

/** Splits a bucket and a prefix, optionally after "s3://". */
export function splitBucket(text: string): { bucket: string; prefix: string } {
  const [bucket = '', ...rest] = text
    .trim()
    .replace(/^s3:\/\//i, '')
    .split('/')
  return { bucket, prefix: trimSlashes(rest.join('/')) }
}

/** A bucket of an S3-compatible store. Without keys, the credentials of AWS's tools are used. */
export const s3 = defineKind({
  fields: [
    {
      name: 'endpoint',
      role: 'server',
      type: 'url',
      isArgument: true,
      placeholder: 'https://s3.example.org',
      option: ['--endpoint <url>', 'the address that the S3-compatible store has now'],
    },
    { name: 'bucket', role: 'place', type: 'text', longest: 255, typed: /^[^\s/]+$/, isArgument: true },
    { name: 'accessKey', role: 'secret', type: 'secret', isRequired: false },
    { name: 'secretKey', role: 'secret', type: 'secret', isRequired: false },
    ownFolder,
    {
      name: 'region',
      role: 'option',
      type: 'text',
      longest: 100,
      default: 'us-east-1',
      hint: 'region',
      option: ['--region <region>', 'its region (default: us-east-1)'],
    },
    {
      name: 'prefix',
      role: 'place',
      type: 'text',
      longest: 500,
      default: '',
      hint: 'prefix',
      clean: trimSlashes,
      isArgument: true,
    },
    {
      name: 'storageClass',
      role: 'option',
      type: 'text',
      longest: 100,
      default: null,
      hint: 'storageClass',
      option: ['--storage-class <class>', 'as the store names it'],
    },
    {
      // Days for which each uploaded object is locked: no key can remove or shorten it. null: not at all.
      name: 'lockDays',
      role: 'option',
      type: 'days',
      most: LONGEST_LOCK_DAYS,
      default: null,
      hint: 'lockDays',
      option: [
        '--lock <days>',
        'lock each uploaded object for so long: no key can remove or replace it before; needs a bucket with object lock: 90d, or "none"',
      ],
    },
    {
      // True if the bucket's name is in the path instead of the host name.
      name: 'pathStyle',
      role: 'option',
      type: 'switch',
      default: true,
      hint: 'pathStyle',
      option: ['--host-style', "the bucket's name in the host's name, not in the path"],
    },
    certificate,
  ],
  encrypts: true,
  usualGib: 1,
  getServer: ({ endpoint }) => getUrlServer(endpoint),
  formatLocation: ({ endpoint, bucket, prefix }) =>
    [endpoint, bucket, prefix].filter((part) => part !== '').join('/'),
  suggestName: ({ bucket = '' }) => bucket,
  command: {
    description: 'a bucket of an S3-compatible store',
    arguments: [
      ['<endpoint>', 'https://host[:port]'],
      ['<bucket>', 'the bucket, or bucket/prefix'],
    ],
    read: (endpoint = '', place = '') => ({ endpoint, ...splitBucket(place) }),
  },
})
