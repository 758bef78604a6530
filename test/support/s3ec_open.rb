# Opens an object of format v2 with an RSA key: ruby s3ec_open.rb ops.key BUCKET KEY > message
require 'aws-sdk-s3'
require 'openssl'

s3 = Aws::S3::Client.new(region: 'eu-west-1', endpoint: ENV.fetch('S3_ENDPOINT'), force_path_style: true)
client = Aws::S3::EncryptionV2::Client.new(
  client: s3,
  encryption_key: OpenSSL::PKey::RSA.new(File.read(ARGV[0])),
  key_wrap_schema: :rsa_oaep_sha1,
  content_encryption_schema: :aes_gcm_no_padding,
  security_profile: :v2
)
$stdout.binmode.write(client.get_object(bucket: ARGV[1], key: ARGV[2]).body.read)
