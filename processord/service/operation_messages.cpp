#include "processord/service/operation_messages.h"

#include "common/wire/status.h"

namespace lc::processor {

namespace pb = lippycat::management;

pb::AuthorizationToken to_proto(const Token& token) {
  pb::AuthorizationToken message;
  message.set_signature(token.signature);
  message.set_issued_at_ns(token.issued_at_ns);
  message.set_expires_at_ns(token.expires_at_ns);
  message.set_target_processor_id(token.target_processor_id);
  message.set_issuer_id(token.issuer_id);
  message.mutable_processor_chain()->Add(token.processor_chain.begin(), token.processor_chain.end());
  message.set_issuer_certificates(token.issuer_certificates);
  message.set_algorithm(token.algorithm);
  message.set_subject(token.subject);
  message.set_nonce(token.nonce);
  return message;
}

Token from_proto(const pb::AuthorizationToken& message) {
  return {.signature = message.signature(),
          .issued_at_ns = message.issued_at_ns(),
          .expires_at_ns = message.expires_at_ns(),
          .target_processor_id = message.target_processor_id(),
          .issuer_id = message.issuer_id(),
          .processor_chain = {message.processor_chain().begin(), message.processor_chain().end()},
          .issuer_certificates = message.issuer_certificates(),
          .algorithm = message.algorithm(),
          .subject = message.subject(),
          .nonce = message.nonce()};
}

grpc::Status to_grpc(const OperationOutcome& outcome) {
  const grpc::Status status = wire::to_grpc({outcome.code, outcome.text});
  pb::FailedAt failed_at;
  failed_at.mutable_path()->Add(outcome.answered.begin(), outcome.answered.end());
  pb::ErrorDetails details;
  details.set_code(status.error_code());
  details.set_message(status.error_message());
  details.add_details()->PackFrom(failed_at);
  return {status.error_code(), status.error_message(), details.SerializeAsString()};
}

}  // namespace lc::processor
