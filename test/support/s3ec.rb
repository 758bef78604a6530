# frozen_string_literal: true

# Puts and gets objects with Amazon's S3 Encryption Clients for Ruby. Standard input is one JSON object,
# { s3, kms, tasks }; standard output has one JSON object a line for each task: its content's digest, or the
# error's class and message. ruby.ts has the types.
require 'aws-sdk-s3'
require 'aws-sdk-kms'
require 'base64'
require 'digest'
require 'json'

def connection(place)
  {
    endpoint: place['endpoint'],
    region: place['region'] || 'us-east-1',
    credentials: Aws::Credentials.new(place['accessKeyId'], place['secretAccessKey']),
    retry_limit: 0
  }
end

given = JSON.parse($stdin.read)
S3 = Aws::S3::Client.new(**connection(given['s3']), force_path_style: true)
KMS = given['kms'] && Aws::KMS::Client.new(**connection(given['kms']))

WRAPS = { 'rsa' => :rsa_oaep_sha1, 'aes' => :aes_gcm, 'kms' => :kms_context }.freeze

def key_of(type, text)
  case type
  when 'rsa' then { encryption_key: OpenSSL::PKey::RSA.new(text) }
  when 'aes' then { encryption_key: Base64.strict_decode64(text) }
  when 'kms' then { kms_key_id: text, kms_client: KMS }
  end
end

def client_of(task)
  type, text = task['key'].first
  options = { client: S3, **key_of(type, text) }
  options[:envelope_location] = :instruction_file if task['instruction']
  return Aws::S3::Encryption::Client.new(options) if task['client'] == 'V1'

  Aws::S3::EncryptionV2::Client.new(
    **options,
    key_wrap_schema: WRAPS[type],
    content_encryption_schema: :aes_gcm_no_padding,
    security_profile: task['legacy'] ? :v2_and_legacy : :v2
  )
end

def place_of(task)
  place = { bucket: task['bucket'], key: task['object'] }
  task['context'] ? { **place, kms_encryption_context: task['context'] } : place
end

def put(task)
  content = Random.bytes(task['size'])
  client_of(task).put_object(**place_of(task), body: content)
  seen(content)
end

def get(task)
  place = place_of(task)
  # Debian's ruby-aws-sdk-kms 1.24.0 cannot name the key in Decrypt.
  place[:kms_allow_decrypt_with_any_cmk] = true if task['client'] == 'V2' && task['key'].key?('kms')
  seen(client_of(task).get_object(**place).body.read)
end

def seen(content)
  { sha256: Digest::SHA256.hexdigest(content), length: content.bytesize }
end

$stdout.sync = true
given['tasks'].each do |task|
  found =
    begin
      task.key?('size') ? put(task) : get(task)
    rescue StandardError => e
      { error: e.class.name, message: e.message }
    end
  puts JSON.generate(found)
end
